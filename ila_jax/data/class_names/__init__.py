"""Names of classes, read from every form of file that people have them in.

Which class a video belongs to is read in `ila_jax.data.sources`; how a name becomes tokens of a
text tower is in `ila_jax.text`.
"""
