"""The command `python -m ila_jax.data.prepare`: it encodes videos anew, so that they read fast.

What it has made is read by `ila_jax.data.sources.prepared`.
"""
