"""ILA for JAX."""
