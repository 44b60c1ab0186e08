"""Train DeepLabCut (Mathis et al. 2018) on labelled frames and analyse a video with it."""
