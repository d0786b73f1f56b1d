"""python -m ila_jax.data.check: whether a data set can be read, before it is trained on."""
