"""Reproducible analyses as a service, driven by pull requests."""

__version__ = "0.1.0"
