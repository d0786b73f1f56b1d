"""Motion pairs, the quickstart's data set: drawn videos that need the order of their frames.

How well a model tells that order is measured in `ila_jax.scoring.time_order`.
"""
