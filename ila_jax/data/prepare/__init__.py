"""python -m ila_jax.data.prepare: videos encoded anew, to be read fast and at random."""
