"""LocaNMF of a widefield movie that an earlier step has registered, denoised and corrected."""
