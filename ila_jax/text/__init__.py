"""From the name of a class to the token ids that CLIP's text tower takes.

The tower is in `ila_jax.models.text`; files of class names are read in `ila_jax.data.class_names`.
"""
