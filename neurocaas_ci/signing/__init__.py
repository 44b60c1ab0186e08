"""Who signs: Sigstore bundles from an instance on this machine, or from a public one."""
