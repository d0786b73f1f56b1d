"""python -m ila_jax.benchmark: how fast this machine is, and what limits it."""
