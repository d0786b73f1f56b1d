"""Reads other people's files of weights, from a disk or from the hub, without running their code.

`files.read` is where to begin. It calls, from the disk up: `archives`, `pickles` and
`safetensors_file` know the bytes of formats; `torch_files` makes arrays of them; `entries` finds
the model in a checkpoint; `weight_files` and `hub` find the files of one set of weights in a folder
or a repository; `other_files` says what a file is instead.

`ila_jax.weights.conversion` makes models of them.
"""
