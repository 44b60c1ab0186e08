"""Rules about groups alone: they look at nothing when no such file is judged."""
