r"""Videos of one's own, all of the model: the paper's recipe for Kinetics-400, shorter.

The rates are 8e-6 for CLIP's image tower and ten times that for what is new, for 32 clips instead
of 256: 1e-6 and 1e-5. Not trained here. --dry-run says what fits the memory.

    python -m ila_jax.convert --input ViT-B-16.pt --config finetune/full \
        --output weights/finetune_full
    python -m ila_jax.train --config finetune/full --workdir runs/finetune_full \
        --config.initial.pretrained=weights/finetune_full \
        --config.data.train=videos/train --config.data.validation=videos/val
"""

from ml_collections import ConfigDict

from .recipe import recipe


def get_config(size: str = "B/16") -> ConfigDict:
    """The configuration, for `--config`. size: as in `--config finetune/full:B/32`."""
    config = recipe(size=size, groups="k400", rate=8e-6, weight_decay=0.003, epochs=30)
    # Four clips at a time, as on each of the paper's devices of 32 GB.
    config.train.accumulation = 8
    return config
