"""The parts of ``whatsapp_bench``: a Graph stub, rows to work on, processes and their costs."""
