"""The command `python -m ila_jax.extract`: features of a data set, as Parquet or npz files.

Features of single videos come from `ila_jax.recognizer`.
"""
