"""Use cases: the only code that writes rows or opens transactions."""
