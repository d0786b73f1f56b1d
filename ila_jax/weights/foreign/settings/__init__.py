"""Configurations beside other people's weights: what each of their keys means here.

The configuration of a run is another thing, in `ila_jax.config`.
"""
