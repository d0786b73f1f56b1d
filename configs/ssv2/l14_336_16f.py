r"""ILA ViT-L/14@336 with 16 frames on Something-Something v2.

Paper: top-1 70.2, top-5 91.8 (4 clips × 3 crops), 3723 GFLOPs.
Recipe (configs/ssv2/recipe.py): linear head; 30,000 steps of 256 clips, AdamW, CLIP's image tower
frozen and rate 5e-4 for the rest, mixup or cutmix, bfloat16.
The paper's hardware: 8 V100 of 32 GB, which have no bfloat16 (--config.model.precision=float32).
8 devices of 32 GB hold it, as --dry-run plans (docs/how-to/memory.md), in bfloat16 with
--config.train.accumulation=16 --config.model.remat=dots

    python -m ila_jax.convert --input ViT-L-14-336px.pt --config ssv2/l14_336_16f \
        --output weights/ssv2_l14_336_16f
    python -m ila_jax.train --config ssv2/l14_336_16f --workdir runs/ssv2_l14_336_16f \
        --config.initial.pretrained=weights/ssv2_l14_336_16f \
        --config.data.root=data/ssv2 --config.data.train=data/ssv2/labels/train.json \
        --config.data.validation=data/ssv2/labels/validation.json
"""

from ml_collections import ConfigDict

from .recipe import recipe


def get_config() -> ConfigDict:
    """The configuration, for `--config`."""
    config = recipe(size="L/14@336", frames=16)
    config.mesh.fsdp = -1  # all devices: weights and optimizer state alone are gigabytes
    return config
