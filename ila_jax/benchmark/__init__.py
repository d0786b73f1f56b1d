"""The command `python -m ila_jax.benchmark`: how fast this machine is, and what limits it.

What a model costs by formula is counted in `ila_jax.cost`.
"""
