"""One rule per file; the engine finds them by themselves."""
