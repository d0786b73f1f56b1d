r"""Videos of one's own, the image tower frozen: only integration, prompts and head train.

The rate is that of the paper's recipe with a frozen tower, Something-Something's 5e-4, for 32 clips
instead of 256: 6.25e-5. What the temporal model adds to the tower is frozen as well: from CLIP's
weights it changes nothing, from those of an ILA it aligns as it has learnt to. Not trained here.
What the tower gives is kept in the run's folder: 2.4 MB for a clip, with the text head.

    python -m ila_jax.convert --input ViT-B-16.pt --config finetune/frozen \
        --output weights/finetune_frozen
    python -m ila_jax.train --config finetune/frozen --workdir runs/finetune_frozen \
        --config.initial.pretrained=weights/finetune_frozen \
        --config.data.train=videos/train --config.data.validation=videos/val
"""

from ml_collections import ConfigDict

from .recipe import recipe


def get_config(size: str = "B/16") -> ConfigDict:
    """The configuration, for `--config`. size: as in `--config finetune/frozen:B/32`."""
    config = recipe(size=size, groups="ssv2", rate=5e-4, weight_decay=0.01, epochs=50)
    config.optimizer.trained_blocks = 0
    # What the tower gives for two fixed clips of each video is computed once, and trained from.
    config.data.cached_views = 2
    # These would change pixels, which nothing sees any more.
    config.augment.update(
        {"flip": 0.0, "jitter": 0.0, "grayscale": 0.0, "mixup": 0.0, "cutmix": 0.0}
    )
    return config
