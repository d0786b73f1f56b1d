"""The command `python -m ila_jax.evaluate`: a model's accuracy on a set of videos, and a report.

Validation during training is in `ila_jax.scoring`, which this room shares.
"""
