"""The consensus of several trackers of one video (Abe et al. 2021, equations 1 and 2)."""
