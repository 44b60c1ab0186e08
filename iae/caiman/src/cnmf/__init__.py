"""Constrained non-negative matrix factorization of calcium imaging movies (Pnevmatikakis et al. 2016)."""
