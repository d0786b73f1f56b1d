"""Files that this package writes and reads: each is whole or not there, and errors are sentences.

Video files are read in `ila_jax.data.video`, and files of weights in `ila_jax.weights`.
"""
