"""Consensus of Kalman smoothers that were fitted on different folds of one recording."""
