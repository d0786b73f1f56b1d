"""What the paper's models on Something-Something v2 share: its supplement's Table 1."""

from ml_collections import ConfigDict

from ..paper import paper


def recipe(*, size: str, frames: int) -> ConfigDict:
    """The recipe. size: of CLIP's towers, such as "B/16". frames: of a clip."""
    config = paper(
        size=size,
        frames=frames,
        data="data/ssv2",
        train="labels/train.json",
        validation="labels/validation.json",
    )
    # No text head, and so no text tower: the released model has 174 classes and this dropout.
    config.model.update({"head": "linear", "classes": 174, "convolutions": "ssv2", "dropout": 0.5})
    # Fixed equal intervals of the whole video, the same in every epoch; Kinetics has segments.
    config.data.sampling = "interval"
    # CLIP's image tower is frozen: this is the rate of all the rest.
    config.optimizer.update(
        {"groups": "ssv2", "rate": 5e-4, "minimal_rate": 5e-6, "weight_decay": 0.01}
    )
    config.train.steps = 30_000
    config.train.evaluate_every = 1_500  # 2.3 epochs of 169,000 videos
    return config
