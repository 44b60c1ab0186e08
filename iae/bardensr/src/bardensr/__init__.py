"""Barcode demixing through non-negative spatial regression (Chen et al. 2020)."""
