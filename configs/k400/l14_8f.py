r"""ILA ViT-L/14 with 8 frames on Kinetics-400.

Paper: top-1 88.0, top-5 98.1 (4 clips × 3 crops), 673 GFLOPs.
Recipe (configs/k400/recipe.py): text head with prompts; 50,000 steps of 256 clips, AdamW, rate 8e-6
for CLIP's image tower and ten times that for what is new, mixup or cutmix, bfloat16.
The paper's hardware: 8 V100 of 32 GB, which have no bfloat16 (--config.model.precision=float32).
8 devices of 32 GB hold it, as --dry-run plans (docs/how-to/memory.md), in bfloat16 with
--config.train.accumulation=8 --config.model.remat=none

    python -m ila_jax.convert --input ViT-L-14.pt --config k400/l14_8f \
        --output weights/k400_l14_8f
    python -m ila_jax.train --config k400/l14_8f --workdir runs/k400_l14_8f \
        --config.initial.pretrained=weights/k400_l14_8f \
        --config.data.root=data/k400 --config.data.train=data/k400/train.csv \
        --config.data.validation=data/k400/validate.csv
"""

from ml_collections import ConfigDict

from .recipe import recipe


def get_config() -> ConfigDict:
    """The configuration, for `--config`."""
    return recipe(size="L/14", frames=8)
