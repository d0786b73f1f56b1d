"""What the paper's models on Something-Something v2 share: its supplement's Table 1."""

from ml_collections import ConfigDict


def recipe(*, size: str, frames: int) -> ConfigDict:
    return ConfigDict(
        {
            "model": {
                "size": size,
                "temporal": "ila",
                "frames": frames,
                "head": "linear",
                "classes": 174,
                "convolutions": "ssv2",
                "channels": 256,
                "dropout": 0.5,
                "precision": "bfloat16",
            },
            # Neither weights nor noise: a run without initial.pretrained stops and says how to
            # convert CLIP's.
            "initial": {"pretrained": None, "scratch": False},
            "data": {
                "train": "data/ssv2/train.txt",
                "validation": "data/ssv2/validation.txt",
                "class_names": "data/ssv2/classes.txt",
                "root": "data/ssv2",
                "sampling": "interval",
                "on_bad_video": "replace",
                "max_bad_fraction": 0.01,
                "threads": 16,
                "processes": 0,
                "motion_pairs": None,
            },
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
            "optimizer": {
                "groups": "ssv2",
                "rate": 5e-4,
                "minimal_rate": 5e-6,
                "warmup_epochs": 5,
                "weight_decay": 0.01,
                "betas": (0.9, 0.98),
                "eps": 1e-8,
                "clip_norm": 0.0,
            },
            "train": {
                "steps": 30_000,
                "batch": 256,
                "seed": 0,
                "alignment_weight": 1.0,
                "alignment_noise": 0.2,
                "log_every": 50,
                "checkpoint_every": 500,
                "evaluate_every": 1_500,  # 2.3 epochs of 169,000 videos
                "keep_best": 1,
                "max_skipped": 20,
            },
            "evaluation": {"batch": 64, "time_order": False},
        }
    )
