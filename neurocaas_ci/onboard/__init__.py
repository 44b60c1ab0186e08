"""Issue forms become files of the registry: sign-ups and jobs; I/O is not handled here."""
