"""The words of the project as frozen values; I/O is not handled here."""
