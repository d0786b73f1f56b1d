"""Draws pictures of what a model looks at: interactive points, masks, attention and feature maps.

The command that draws them for a video is `ila_jax.visualize`. Plots of an evaluation are in
`ila_jax.evaluate.plots`.
"""
