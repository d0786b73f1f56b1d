"""python -m ila_jax.serve: a local page that says what a model sees in a video."""
