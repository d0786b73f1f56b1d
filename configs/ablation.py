"""The quickstart with another temporal model: one run of the comparison on motion pairs.

    python -m ila_jax.train --config ablation --workdir runs/ablation
    python -m ila_jax.train --config ablation:xclip --workdir runs/xclip

`python -m ila_jax.compare` trains them all. A little shorter than the quickstart, without changes
of colour and scale, under which attention takes far longer to learn anything here, and scored
once, at the end, so that nothing is chosen by the validation set.
"""

from ml_collections import ConfigDict

from .quickstart import get_config as quickstart

_STEPS = 1600


def get_config(method: str = "ila") -> ConfigDict:
    """method: spatial, joint, divided, ata, xclip, ila or ila_token; with _ssv2 for ILA's form."""
    # All else is the quickstart's, so that the runs differ in the temporal model alone.
    config = quickstart()
    temporal = method.removesuffix("_ssv2")
    config.model.temporal = temporal
    config.model.convolutions = "k400" if temporal == method else "ssv2"
    config.augment.update(
        {"scales": (1.0,), "jitter": 0.0, "grayscale": 0.0, "label_smoothing": 0.0}
    )
    config.train.steps = _STEPS
    config.train.checkpoint_every = _STEPS // 4
    config.train.evaluate_every = _STEPS  # once, at the end
    return config
