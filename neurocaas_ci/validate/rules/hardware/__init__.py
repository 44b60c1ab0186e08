"""Rules about hardware types alone: they look at nothing when no such file is judged."""
