"""The books of a registry: who may spend what, derived from the history of main."""
