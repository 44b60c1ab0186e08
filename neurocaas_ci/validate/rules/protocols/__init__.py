"""Rules about protocols alone: they look at nothing when no such file is judged."""
