"""Pages that anybody may open who has their address: signed, and only for a time."""
