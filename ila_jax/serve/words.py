"""The sentences with which the page answers: what the models say, and where they differ."""

from collections import Counter

from ila_jax.recognizer import Prediction
from ila_jax.serve.reply import Agreement, ModelAnswer, Reply

_AGREEMENTS = {
    Agreement.SAME: "Both name the same class.",
    Agreement.DIFFERENT: "They name different classes.",
    Agreement.UNKNOWN: "They cannot be compared here: one does not know the class that the other "
    "names.",
}


def sentences(reply: Reply) -> list[str]:
    """What is to be said of a video, the most important first."""
    best = [model.answer.predictions[0] for model in reply.models]
    if len(best) == 1:
        parts = [f"{_percent(best[0])}."]
    else:
        parts = [
            f"{model.title}: {_percent(item)}."
            for model, item in zip(reply.models, best, strict=True)
        ]
        parts.append(_AGREEMENTS[reply.agreement(best)])
        parts += _over_time(reply)
        parts += _different_classes(reply)
    if any(model.answer.short for model in reply.models):
        parts.append("It has fewer frames than the model takes: frames repeat.")
    return parts


def _over_time(reply: Reply) -> list[str]:
    """In how many windows two models name the same class."""
    if not reply.windows:
        return []
    counts = Counter(reply.agreement(best) for _, _, best in reply.windows)
    same, total = counts[Agreement.SAME], len(reply.windows)
    text = f"Step by step, they name the same class in {same} of {total} steps"
    if counts[Agreement.UNKNOWN]:
        text += f"; {counts[Agreement.UNKNOWN]} cannot be compared"
    return [f"{text}."]


def _different_classes(reply: Reply) -> list[str]:
    """What two models that know different classes have in common."""
    shared = reply.shared_names
    if all(len(model.class_names) == len(shared) for model in reply.models):
        return []
    first, second = (f"{_alone(model, shared)} only to {model.title}" for model in reply.models)
    return [
        f"The models know different classes: {len(shared)} are known to both, {first}, and "
        f"{second}. “–” stands for a class that a model does not know."
    ]


def _alone(model: ModelAnswer, shared: set[str]) -> int:
    """How many classes only this model knows."""
    return len(set(model.class_names) - shared)


def _percent(item: Prediction) -> str:
    return f"{item.name}, {item.probability:.1%}"
