"""IAE sources to a deterministic OCI image, and images to verified, unpacked roots."""
