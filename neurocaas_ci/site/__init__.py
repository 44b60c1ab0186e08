"""The registry as a website: what may be used, what was done with it, and how to check that."""
