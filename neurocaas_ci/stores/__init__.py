"""Stores keep blobs by digest, and run state."""
