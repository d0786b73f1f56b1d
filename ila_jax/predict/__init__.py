"""The command `python -m ila_jax.predict`: what a model sees in any video.

What it prints is made in `ila_jax.answers`, and the model is called by `ila_jax.recognizer`.
"""
