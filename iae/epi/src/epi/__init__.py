"""Emergent property inference on a linear oscillator (Bittner et al. 2019, 2021)."""
