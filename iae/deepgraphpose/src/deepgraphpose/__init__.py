"""Deep Graph Pose: a semi-supervised tracker of body parts (Wu et al. 2020)."""
