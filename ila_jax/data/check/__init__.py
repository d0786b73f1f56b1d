"""The command `python -m ila_jax.data.check`: what is wrong with a data set, before training on it.

How lists and folders are read is in `ila_jax.data.sources`; here it is only asked for.
"""
