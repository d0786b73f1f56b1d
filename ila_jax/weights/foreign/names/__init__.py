"""Names of tensors in other people's files, and the paths that they have in ours.

What the configuration beside the tensors says is read in `ila_jax.weights.foreign.settings`.
"""
