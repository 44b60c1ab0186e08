"""Job managers: how a job becomes runs; I/O is not handled here."""
