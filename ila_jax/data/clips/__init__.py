"""From a source of videos to batches of clips: which frames, which crop, and in which order.

Bad videos are replaced here as well, in `replacement.py`. Frames are decoded in
`ila_jax.data.video`; flips and changes of colour happen on the device, in
`ila_jax.train.augment`.
"""
