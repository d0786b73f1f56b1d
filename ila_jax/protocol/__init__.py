"""The command `python -m ila_jax.protocol`: a data set of the field, measured as papers do it.

It plans and calls; what it calls is in `finetune`, `train` and `evaluate`. The data sets' own files
are read in `data/sources/published`.
"""
