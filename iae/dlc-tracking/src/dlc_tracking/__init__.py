"""Freezing bouts from DeepLabCut tracks: still for long enough, relative to the length of the body."""
