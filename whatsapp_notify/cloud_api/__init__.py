"""Meta's Cloud API: its JSON, its signatures, its error codes, its HTTP. No rows, no settings."""
