"""Training: what a run starts from, its step and optimizer, its loop, and what it writes.

What any long run needs, such as stopping and devices, is in `ila_jax.job`; validation is in
`ila_jax.scoring`.
"""
