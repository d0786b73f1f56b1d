"""Makes, saves, loads, adapts and exports weights in our own format.

Other people's files are read in `ila_jax.weights.foreign`. Checkpoints of a run are written in
`ila_jax.train.checkpoint` and read here.
"""
