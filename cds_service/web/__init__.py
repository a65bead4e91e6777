"""Pages for people: the red-flag form and its result, rendered on the server."""
