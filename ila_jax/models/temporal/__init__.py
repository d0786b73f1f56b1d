"""The temporal models, one file for each, and the pure functions of their alignment and matching.

`ila_jax.models.variants` lists them by name; what each computes is in docs/explanation/models.md.
"""
