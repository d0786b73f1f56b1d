r"""Videos of one's own: the last four blocks of the image tower train, and all behind them.

The rates are those of the paper's recipe for Kinetics-400, 8e-6 and ten times that for what is new,
for 32 clips instead of 256: 1e-6 and 1e-5. Not trained here. --dry-run says what fits the memory.

    python -m ila_jax.convert --input ViT-B-16.pt --config finetune/partial \
        --output weights/finetune_partial
    python -m ila_jax.train --config finetune/partial --workdir runs/finetune_partial \
        --config.initial.pretrained=weights/finetune_partial \
        --config.data.train=videos/train --config.data.validation=videos/val
"""

from ml_collections import ConfigDict

from .recipe import recipe


def get_config(size: str = "B/16") -> ConfigDict:
    """The configuration, for `--config`. size: as in `--config finetune/partial:B/32`."""
    config = recipe(size=size, groups="k400", rate=8e-6, weight_decay=0.003, epochs=30)
    config.optimizer.trained_blocks = 4
    config.train.accumulation = 4
    return config
