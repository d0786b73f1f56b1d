"""Files that this package writes and reads: each is whole or not there, and errors are sentences.

`lock.py` keeps a folder to one writer. Video files are read in `ila_jax.data.video`,
and files of weights in `ila_jax.weights`.
"""
