"""One run of the study of what aligns: a temporal model on motion pairs, or a changed ILA.

    python -m ila_jax.train --config alignment --workdir runs/alignment
    python -m ila_jax.train --config alignment:ila_narrow_masks --workdir runs/narrow

`python -m ila_jax.compare --config alignment` trains them all. It is the recipe of `ablation`; what
is changed in ILA is changed here alone, and everything else is as released.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from .ablation import get_config as ablation

# Each changes one thing in the released form of ILA: keys of the configuration, and their values.
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "ila_weight_0": {"train.alignment_weight": 0.0},
    "ila_weight_0.1": {"train.alignment_weight": 0.1},
    "ila_weight_10": {"train.alignment_weight": 10.0},
    "ila_no_noise": {"train.alignment_noise": 0.0},
    # Anywhere on the grid of patches, not only in its middle three quarters.
    "ila_free_points": {"model.points.reach": 1.0},
    "ila_narrow_masks": {"model.points.mask_width": 0.5},
    # From a tower that knows the objects' names (tools/make_outline_clip.py), not from noise.
    "ila_pretrained": {
        "initial.scratch": False,
        "initial.pretrained": "weights/outline_clip",
        "initial.reset_head": True,
    },
}


def get_config(method: str = "ila") -> ConfigDict:
    """method: a name that `ablation` takes, or a key of CHANGES."""
    config = ablation("ila" if method in CHANGES else method)
    config.model.points = {"reach": 0.75, "mask_width": 1.0}
    config.update_from_flattened_dict(CHANGES.get(method, {}))
    return config
