"""Preprocess two-wavelength widefield movies: motion correction, PMD, hemodynamic correction."""
