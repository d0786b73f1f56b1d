"""The tests, in the folders of `ila_jax`; a package so that they can share what they need."""
