"""Rules about users alone: they look at nothing when no such file is judged."""
