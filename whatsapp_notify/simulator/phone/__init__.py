"""The phone page: what customers see, drawn as they know it."""
