"""Reads the configurations that lie next to other people's weights, key by key.

The configuration of a run is another thing, in `ila_jax.config`.
"""
