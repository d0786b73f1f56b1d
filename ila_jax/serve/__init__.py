"""The command `python -m ila_jax.serve`: a local page that says what a model sees in a video.

Its answers are made in `ila_jax.answers`, and its pictures in `ila_jax.pictures`.
"""
