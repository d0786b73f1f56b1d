"""Reads one video file: which frames it has, in which order they are shown, and their RGB.

Which of the frames make a clip is decided in `ila_jax.data.clips`.
"""
