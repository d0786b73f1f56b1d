"""How well a model does on labelled videos while it trains and when models are compared.

The evaluation of a finished model, with several views of each video, is in `ila_jax.evaluate`.
The metrics are in `metrics.py`, one function and one row for each.
"""
