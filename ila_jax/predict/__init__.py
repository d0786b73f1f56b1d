"""python -m ila_jax.predict: what a model sees in any video."""
