"""Carry committed jobs to their end."""
