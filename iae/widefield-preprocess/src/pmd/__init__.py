"""Penalized matrix decomposition of functional imaging movies (Buchanan et al. 2018)."""
