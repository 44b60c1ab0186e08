"""Findings as text, JSON and annotations of a forge; I/O is not handled here."""
