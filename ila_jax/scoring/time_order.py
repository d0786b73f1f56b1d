"""Does a model see motion or looks? Accuracy on clips forwards, backwards and shuffled.

On motion pairs each class is the time reversal of its partner: a model that has learnt motion
names the partner when a clip is played backwards, and is lost when its frames are shuffled.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Answers:
    """The class that a model names of each clip of a validation set, int [v], in three orders.

    label: the clips' own. class_names: of all classes.
    """

    label: NDArray[Any]
    forward: NDArray[Any]
    backward: NDArray[Any]
    shuffled: NDArray[Any]
    class_names: tuple[str, ...]

    @property
    def right(self) -> NDArray[Any]:
        """Whether a clip is named rightly as it is: bool [v]."""
        return np.asarray(self.forward == self.label)

    @property
    def to_partner(self) -> NDArray[Any]:
        """Whether a clip that is played backwards is named as its partner class: bool [v]."""
        return np.asarray(self.backward == np.array(PARTNER)[self.label])


def measure(workdir: Path, config: Config) -> TimeOrder:
    """The accuracies of a run's best checkpoint on its validation set of motion pairs.

    Errors: ValueError for a run without a checkpoint, or a damaged one.
    """
    return accuracies(answers(workdir, config))


def answers(workdir: Path, config: Config) -> Answers:
    """What a run's best checkpoint says of its validation set. Errors: those of `measure`."""
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
    # Row by row: all three are in the order of the list, and of the same videos.
    return Answers(
        label=forward.label,
        forward=forward.top[:, 0],
        backward=backward.top[:, 0],
        shuffled=shuffled.top[:, 0],
        class_names=dataset.class_names,
    )


def accuracies(answers: Answers) -> TimeOrder:
    """The shares of clips that a model names rightly."""
    right = answers.right

    def of_class(number: int) -> float | None:
        own = answers.label == number
        return float(right[own].mean()) if own.any() else None

    return TimeOrder(
        forward=float(right.mean()),
        to_partner=float(answers.to_partner[right].mean()) if right.any() else 0.0,
        shuffled=float((answers.shuffled == answers.label).mean()),
        per_class={name: of_class(k) for k, name in enumerate(answers.class_names)},
    )
