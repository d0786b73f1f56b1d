"""The host's side of the data: from annotations and video files to batches of uint8 clips.

Nothing here knows a model. Batches come to the devices through `ila_jax.job`, and what is random in
their pixels is drawn there, in `ila_jax.train.augment` and `ila_jax.train.mixing`.
"""
