"""Rules that judge a registry: each has an id, a page and fixtures; I/O is not handled here."""
