"""What the temporal models cost, by formula, by counting, by measuring, and according to the paper.

The command that prints it is `ila_jax.complexity`. The memory of a training step is estimated in
`ila_jax.train.dry_run`, and the speed of a machine is measured by `ila_jax.benchmark`.
"""
