"""Reads and writes files, so that each is whole or not there and errors are whole sentences.

`lock.py` keeps a folder to one writer. Video files are read in `ila_jax.data.video`,
and files of weights in `ila_jax.weights`.
"""
