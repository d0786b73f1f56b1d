"""python -m ila_jax.evaluate: a model's accuracy on a set of videos, and what is behind it."""
