"""The command `python -m ila_jax.data.split`: from your own videos to a split that can be trusted.

What is of one source video, and what looks alike, stays on one side.
"""
