"""One module for each kind of data set, which becomes numbered, labelled videos with class names.

`opening.py` tells the kinds apart. Frames are decoded in `ila_jax.data.video`, and clips are made
of them in `ila_jax.data.clips`.
"""
