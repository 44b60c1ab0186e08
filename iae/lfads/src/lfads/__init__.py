"""Latent factor analysis via dynamical systems (Sussillo et al. 2016, Pandarinath et al. 2018)."""
