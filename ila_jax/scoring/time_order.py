"""Does a model see motion or looks? Accuracy on clips forwards, backwards and shuffled.

On motion pairs each class is the time reversal of its partner: a model that has learnt motion
names the partner when a clip is played backwards, and is lost when its frames are shuffled.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ila_jax.config import Config
from ila_jax.data.clips.evaluation_clips import FrameOrder
from ila_jax.data.synthetic.motion import PARTNER
from ila_jax.job.batches import open_dataset, validation_batches
from ila_jax.job.sharding import make_mesh, put_state
from ila_jax.scoring.validation import Predictions, Predictor, collect
from ila_jax.weights.run import load_run


@dataclass(frozen=True)
class TimeOrder:
    """Accuracies of a model on motion pairs, each from 0 to 1.

    forward, shuffled: top-1 of the clips as they are, and with their frames shuffled. to_partner:
    of the clips that were right forwards, the share whose partner class is named when they are
    played backwards. per_class: top-1 forwards by class name, None of a class without a clip.
    """

    forward: float
    to_partner: float
    shuffled: float
    per_class: dict[str, float | None]

    def __str__(self) -> str:
        """The accuracies in lines, for people."""
        classes = "\n".join(
            f"  {name:28} " + ("no clip" if value is None else f"{value:6.1%}")
            for name, value in self.per_class.items()
        )
        return (
            f"best checkpoint, top-1:         {self.forward:6.1%}\n{classes}\n"
            f"backwards, names the partner:   {self.to_partner:6.1%}  (of the clips it had right)\n"
            f"frames shuffled, top-1:         {self.shuffled:6.1%}"
        )


def measure(workdir: Path, config: Config) -> TimeOrder:
    """The accuracies of a run's best checkpoint on its validation set of motion pairs.

    Errors: ValueError for a run without a checkpoint, or a damaged one.
    """
    dataset, recognizer, mesh = open_dataset(config), load_run(workdir, "best"), make_mesh()
    text = recognizer.class_features if recognizer.config.head == "text" else None
    on_mesh = put_state(mesh, (recognizer.variables, text))
    predict = partial(Predictor(recognizer.config, mesh), *on_mesh)

    def predictions(order: FrameOrder) -> Predictions:
        batches = validation_batches(config, dataset, order)
        of_all = collect(predict, batches, listed=len(dataset.validation))
        assert of_all is not None, "only a stop signal ends it early, and none is given"
        return of_all

    forward, backward = predictions("forward"), predictions("reversed")
    shuffled = predictions("shuffled")
    partner = np.array(PARTNER)
    # Row by row: all three are in the order of the list, and of the same videos.
    right = forward.top[:, 0] == forward.label
    named = backward.top[:, 0] == partner[backward.label]
    accuracies = forward.per_class(len(dataset.class_names))
    return TimeOrder(
        forward=forward.metrics()["top1"],
        to_partner=float(named[right].mean()) if right.any() else 0.0,
        shuffled=shuffled.metrics()["top1"],
        per_class=dict(zip(dataset.class_names, accuracies, strict=True)),
    )
