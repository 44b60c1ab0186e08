"""Localized semi-nonnegative matrix factorization of widefield movies in the regions of an atlas."""
