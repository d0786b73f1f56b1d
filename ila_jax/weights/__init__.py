"""Weights of our own: made fresh, saved and loaded, adapted to another model, exported.

Other people's files are read in `ila_jax.weights.foreign`. Checkpoints of a run are written in
`ila_jax.train.checkpoint` and read here.
"""
