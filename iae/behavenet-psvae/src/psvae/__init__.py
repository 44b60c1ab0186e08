"""Partitioned-subspace variational autoencoder of behavioural video (Whiteway et al. 2021)."""
