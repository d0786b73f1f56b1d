"""What the paper's models on both data sets share: its supplement's Table 1."""

from ml_collections import ConfigDict


def paper(*, size: str, frames: int, data: str, train: str, validation: str) -> ConfigDict:
    """The recipe but for what differs: head, optimizer, length.

    data: the data set's folder, in which train and validation are its own annotation files.
    """
    return ConfigDict(
        {
            "model": {
                "size": size,
                "temporal": "ila",
                "frames": frames,
                "channels": 256,  # of the released models
                # Our choice. The paper's V100 have no bfloat16.
                "precision": "bfloat16",
            },
            # Neither weights nor noise: a run without initial.pretrained stops and says how to
            # convert CLIP's.
            "initial": {"pretrained": None, "scratch": False},
            "data": {
                "train": f"{data}/{train}",
                "validation": f"{data}/{validation}",
                "class_names": None,  # the annotations carry them
                "root": data,
                # From here on ours, not the paper's. At a bad video the released code ends, or
                # takes another in silence; here it is one of the same class, counted and listed.
                "on_bad_video": "replace",
                "max_bad_fraction": 0.01,
                "threads": 16,
                "processes": 0,
                "motion_pairs": None,
            },
            # Strengths as PyTorch counts them; no random erasing, which only the released code has.
            "augment": {
                "scales": (1.0, 0.875, 0.75, 0.66),
                "flip": 0.5,
                "jitter": 0.8,
                "brightness": 0.4,
                "contrast": 0.4,
                "saturation": 0.2,
                "hue": 0.1,
                "grayscale": 0.2,
                "mixup": 0.8,
                "cutmix": 1.0,
                "label_smoothing": 0.1,
            },
            # The supplement's, which names no clipping of gradients. Rates and weight decay differ
            # between the data sets.
            "optimizer": {
                "warmup_epochs": 5,
                "betas": (0.9, 0.98),
                "eps": 1e-8,
                "clip_norm": 0.0,
            },
            "train": {
                "batch": 256,
                "seed": 0,
                # Both of the released code: the losses are summed as they are.
                "alignment_weight": 1.0,
                "alignment_noise": 0.2,
                # How often a run logs and saves, and when it gives up, is ours.
                "log_every": 50,
                "checkpoint_every": 500,
                "keep_best": 1,
                "max_skipped": 20,
            },
            # 4 clips x 3 crops of each video: the paper's test. Validation while training has one.
            "evaluation": {
                "batch": 64,
                "time_order": False,
                "clips": 4,
                "crops": 3,
                "sampling": "fixed",
            },
            # Of the paper's models only L/14@336 splits its weights, in its own file.
            "mesh": {"fsdp": 1},
        }
    )
