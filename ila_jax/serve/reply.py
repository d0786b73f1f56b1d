"""What the page says of one video: the answer of each model, and where two of them differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from jaxtyping import Float
from numpy import ndarray

from ila_jax.answers.answers import Answer, csv_text
from ila_jax.pictures.kinds import ModelView
from ila_jax.recognizer import Prediction


class Agreement(Enum):
    """How the best classes of two models compare."""

    SAME = "same"
    DIFFERENT = "different"
    # A model that does not know a class could not have named it.
    UNKNOWN = "not comparable"


@dataclass(frozen=True, eq=False)
class ModelAnswer:
    """What one model says of a video. title: what people know the model by.

    probabilities: of each of its classes, float64 [k], for the video as a whole. answer: the most
    probable ones, also of each window, where the video has several. view: what its blocks make of
    the frames.
    """

    title: str
    class_names: tuple[str, ...]
    probabilities: Float[ndarray, "k"]
    answer: Answer
    view: ModelView

    def probability(self, name: str) -> float | None:
        """The probability of a class, None for one that the model does not know."""
        if name not in self.class_names:
            return None
        return float(self.probabilities[self.class_names.index(name)])


@dataclass(frozen=True, eq=False)
class Reply:
    """What the page says of one video: the answers of one model, or of the two to be compared."""

    name: str
    models: Sequence[ModelAnswer]

    @property
    def class_names(self) -> list[str]:
        """The classes that any of the models names for the whole video, most probable first."""
        best: dict[str, float] = {}
        for model in self.models:
            for item in model.answer.predictions:
                best[item.name] = max(item.probability, best.get(item.name, 0.0))
        return sorted(best, key=lambda name: -best[name])

    @property
    def shared_names(self) -> set[str]:
        """The classes that all of the models know."""
        return set.intersection(*(set(model.class_names) for model in self.models))

    @property
    def windows(self) -> list[tuple[float, float, list[Prediction]]]:
        """Each window: its start and end in seconds, and the best class of each model."""
        timelines = (model.answer.timeline for model in self.models)
        return [
            (spans[0].start, spans[0].end, [span.predictions[0] for span in spans])
            for spans in zip(*timelines, strict=True)
        ]

    def agreement(self, best: Sequence[Prediction]) -> Agreement:
        """How the best classes of the models compare."""
        names = {item.name for item in best}
        if len(names) == 1:
            return Agreement.SAME
        return Agreement.DIFFERENT if names <= self.shared_names else Agreement.UNKNOWN

    def csv(self) -> str:
        """All answers as `python -m ila_jax.predict --csv` writes them; of two models, whose."""
        titles = [model.title for model in self.models]
        answers = [model.answer for model in self.models]
        return csv_text(answers, models=titles if len(titles) > 1 else None)
