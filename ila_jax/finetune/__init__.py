"""The command `python -m ila_jax.finetune`: from your own videos to a model, in one go.

It decides and calls; what it calls is in `data.split`, `data.check`, `train` and `evaluate`.
"""
