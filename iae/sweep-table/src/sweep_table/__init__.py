"""One table of the metrics of all combinations of a parameter sweep."""
