"""Pure rules: frozen values and a ``now`` in, values out. No Django, no clock, no I/O."""
