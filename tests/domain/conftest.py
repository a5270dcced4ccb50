"""Rules are tested alike on every machine: same examples each time, no stopwatch."""

from hypothesis import settings

settings.register_profile("domain", deadline=None, derandomize=True, database=None)
settings.load_profile("domain")
