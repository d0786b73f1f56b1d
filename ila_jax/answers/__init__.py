"""What a model answers for a video, as text, JSON and CSV, also window by window.

The commands `predict` and `serve` show these answers; `ila_jax.recognizer` computes them.
"""
