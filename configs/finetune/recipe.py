"""What the recipes for videos of one's own share: the paper's, on one device, in epochs."""

from ml_collections import ConfigDict

from ..paper import paper

# Clips of a step: few hundred videos make steps enough of it.
_BATCH = 32
# The paper's, for which its rates are.
_PAPER_BATCH = 256


def recipe(*, size: str, groups: str, rate: float, weight_decay: float, epochs: int) -> ConfigDict:
    """The recipe but for which parts train.

    size: of CLIP's towers, such as "B/16". groups: of learning rates. rate, weight_decay: the
    paper's; the rate is scaled linearly with the batch (Goyal et al., 2017).
    """
    config = paper(size=size, frames=8, data="videos", train="train", validation="val")
    # A text head takes any classes by their names, and knows something of them from the start.
    config.model.update({"head": "text", "classes": None, "convolutions": "k400", "dropout": 0.0})
    # Lists have their paths from where the command is typed; folders need no root.
    config.data.update({"root": ".", "sampling": "segments", "max_bad_fraction": 0.1, "threads": 4})
    scaled = rate * _BATCH / _PAPER_BATCH
    config.optimizer.update(
        {
            "groups": groups,
            "rate": scaled,
            "minimal_rate": scaled / 100,  # as much lower as in the paper
            # A tenth of the run, as in the paper: 5 of 53 epochs of Kinetics-400.
            "warmup_epochs": epochs // 10,
            "weight_decay": weight_decay,
        }
    )
    # Lengths are in epochs, as these say how often a video is seen, however many there are.
    config.train.update(
        {
            "batch": _BATCH,
            "steps": 0,
            "epochs": epochs,
            "log_every": 5,
            "checkpoint_every": 0,
            "checkpoint_every_epochs": 1,
            "evaluate_every": 0,
            "evaluate_every_epochs": 1,
            # Own videos are rarely balanced: every class counts the same.
            "best_metric": "macro_accuracy",
            # Half of the validations of the shortest: while the rate is high a small set's scores
            # go up and down, and the best comes late.
            "patience": 15,
        }
    )
    return config
