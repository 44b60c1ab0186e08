"""Spike sorting with Lupin, a sorter of SpikeInterface."""
