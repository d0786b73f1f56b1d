"""The models: CLIP's towers, multi-frame integration and heads.

`model.py` puts them together, and `forward.py` goes from pixels to logits and probabilities.
The blocks that make a model temporal are in `ila_jax.models.temporal`. Weights are read and written
in `ila_jax.weights`, and `ila_jax.recognizer` calls a model on videos.
"""
