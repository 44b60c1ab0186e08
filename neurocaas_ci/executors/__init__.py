"""Executors place runs on machines."""
