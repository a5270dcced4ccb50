"""Hypothesis without a stop-watch: a loaded machine is no counter-example."""

from hypothesis import settings

settings.register_profile("cloud_api", deadline=None, derandomize=True)
settings.load_profile("cloud_api")
