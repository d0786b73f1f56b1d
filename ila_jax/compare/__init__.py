"""python -m ila_jax.compare: trains every temporal model alike, side by side."""
