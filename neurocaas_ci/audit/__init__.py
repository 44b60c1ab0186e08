"""Audit a result: verify its certificate, compute it again, compare the outputs."""
