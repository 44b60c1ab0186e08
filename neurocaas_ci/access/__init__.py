"""Access for users without long-lived keys: lent for hours, sealed for the user's public key."""
