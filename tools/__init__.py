"""What developers of ila_jax run from a clone."""
