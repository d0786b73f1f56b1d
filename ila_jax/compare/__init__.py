"""The command `python -m ila_jax.compare`: it trains every temporal model alike, side by side.

Two evaluations of the same videos are compared in `ila_jax.evaluate.paired`.
"""
