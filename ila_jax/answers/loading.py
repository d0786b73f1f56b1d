"""The model that a command line names, with the classes that it gives."""

from ila_jax.data.class_names.classes import chosen_classes
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import load


def load_with_classes(source: str, classes: str | None) -> Recognizer:
    """`load`, with what `--classes` gave: names, or a file of them; None leaves the model's own.

    Errors: ValueError, as `load`, `chosen_classes` and `Recognizer.with_classes`.
    """
    recognizer = load(source)
    return recognizer if classes is None else recognizer.with_classes(chosen_classes(classes))
