"""Where the provider speaks to us."""
