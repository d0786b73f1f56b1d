"""python -m ila_jax.extract: features of a data set, as files."""
