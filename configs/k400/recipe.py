"""What the paper's models on Kinetics-400 share: its supplement's Table 1."""

from ml_collections import ConfigDict

from ..paper import paper


def recipe(*, size: str, frames: int) -> ConfigDict:
    """The recipe. size: of CLIP's towers, such as "B/16". frames: of a clip."""
    config = paper(
        size=size,
        frames=frames,
        data="data/k400",
        train="train.csv",
        validation="validate.csv",
    )
    # The text head's classes are the names that the data carry.
    config.model.update({"head": "text", "classes": None, "convolutions": "k400", "dropout": 0.0})
    # Sparse sampling: one random frame of each of as many segments as a clip has frames.
    config.data.sampling = "segments"
    # The rate is that of CLIP's image tower; what is new has ten times it.
    config.optimizer.update(
        {"groups": "k400", "rate": 8e-6, "minimal_rate": 8e-8, "weight_decay": 0.003}
    )
    config.train.steps = 50_000
    config.train.evaluate_every = 2_500  # 2.7 epochs of 240,000 videos
    return config
