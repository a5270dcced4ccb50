"""The torture kit: what is promised, held against a Graph API that never forgets a call.

``python -m tests.torture`` runs it at length, ``pytest tests/torture`` for some seconds.
See docs/guarantees.md for what it proves and ``campaign`` for how to add to it.
"""
