"""The whole shop in one terminal: its processes, its past, and a story played through them."""
