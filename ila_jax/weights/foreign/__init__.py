"""Reading other people's files of weights, from a disk or from the hub, without running their code.

`ila_jax.weights.conversion` makes models of them.
"""
