"""Forges are where pull requests live."""
