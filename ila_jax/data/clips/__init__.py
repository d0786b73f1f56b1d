"""From a source of videos to batches of clips: which frames, which crop, and in which order.

Frames are chosen in `sampling.py`, and bad videos are replaced in `replacement.py`. Frames are
decoded in `ila_jax.data.video`; flips and changes of colour happen on the device, in
`ila_jax.train.augment`.
"""
