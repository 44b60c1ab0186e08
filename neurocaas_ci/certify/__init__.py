"""From the records of a finished job to a signed certificate on main."""
