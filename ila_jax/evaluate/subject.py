"""What is evaluated: a model on a set of videos, and by what one tells it from another."""

import dataclasses
import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax

from ila_jax.config import Config, ModelConfig, to_dict
from ila_jax.data.class_names.classes import Classes, read_class_names
from ila_jax.data.sources.fingerprint import fingerprint, ordered_fingerprint
from ila_jax.data.sources.opening import open_source
from ila_jax.data.sources.source import VideoSource
from ila_jax.data.sources.video_files import tell
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from ila_jax.weights.digest import digest
from ila_jax.weights.fit import check_fit
from ila_jax.weights.folder import load, named_step

_PACKAGES = ("ila-jax", "jax", "jaxlib", "flax", "numpy", "av", "opencv-python-headless")


@dataclass(frozen=True)
class Subject:
    """A model, with the configuration's precision, and the videos that it is evaluated on.

    checkpoint: what `ila_jax.load` takes, of a run with the step. ids: of every video, the same
    wherever its file lies.
    """

    config: Config
    checkpoint: str
    step: int | None
    recognizer: Recognizer
    source: VideoSource
    ids: Sequence[str]
    class_names: tuple[str, ...]

    def about(self) -> dict[str, Any]:
        """What results hold of it, as JSON does. `same` decides whether two are of one subject."""
        return {
            "same": {
                "weights": digest(self.recognizer.variables),
                "videos": fingerprint(self.ids, self.source.labels),
                "order": ordered_fingerprint(self.ids, self.source.labels)[:16],
                "classes": list(self.class_names),
                "model": to_dict(self.config.model),
                "clips": self.config.evaluation.clips,
                "crops": self.config.evaluation.crops,
                "clip_sampling": self.config.evaluation.sampling,
                "sampling": self.config.data.sampling,
                "stride": self.config.data.stride,
                "seed": self.config.train.seed,
            },
            "checkpoint": {"read": self.checkpoint, "step": self.step},
            "validation": self.config.data.validation,
            "device": {"kind": jax.devices()[0].device_kind, "devices": jax.device_count()},
            "versions": {"python": platform.python_version()} | versions(),
        }


def open_subject(config: Config, checkpoint: str) -> Subject:
    """Reads the model and the list of videos. Training videos need not be there.

    Errors: ValueError or OSError in plain words for weights that do not fit the configuration,
    for class names that do not fit the weights or are missing, and for a list without videos.
    """
    checkpoint, step = named_step(checkpoint)
    there = load(checkpoint)
    config = _with_plain_clip(config, there.config)
    check_fit(checkpoint, there.config, config.model)
    names = _class_names(config, checkpoint, there)
    data = config.data
    opened = open_source(data.validation, root=data.root, class_names=names)
    _check_classes(config, checkpoint, opened.class_names)
    if jax.process_index() == 0:
        tell(opened.notes)
    if not len(opened.source):
        raise ValueError(f"{data.validation} lists no videos: expected at least one")
    return Subject(
        config=config,
        checkpoint=checkpoint,
        step=step,
        recognizer=Recognizer(config.model, _as_configured(config, there), opened.class_names),
        source=opened.source,
        ids=opened.all_ids(),
        class_names=opened.class_names,
    )


def _with_plain_clip(config: Config, there: ModelConfig) -> Config:
    """The configuration with plain CLIP for its model, where the weights are that and it is not.

    Nobody trains it: of any other model's configuration, size, frames and precision hold.
    """
    if there.temporal != "clip" or config.model.temporal == "clip":
        return config
    held = ("size", "shape", "patch", "resolution", "frames", "precision", "remat")
    model = dataclasses.replace(there, **{name: getattr(config.model, name) for name in held})
    return dataclasses.replace(config, model=model)


def versions() -> dict[str, str | None]:
    """Of the packages that results may depend on; None of what runs without being installed."""
    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _class_names(config: Config, checkpoint: str, there: Recognizer) -> Sequence[str] | None:
    """The names that the weights were trained with, or else those that the data name.

    Plain CLIP was trained with none: it takes any, or else those of the annotations.
    Errors: ValueError where both are known and differ, or where a text head has none.
    """
    file, known = config.data.class_names, there.class_names
    if config.model.temporal == "clip" and config.model.head == "text":
        return known if file is None else read_class_names(file)
    if there.config.head == "text" and known is None:
        raise ValueError(
            f"{checkpoint} has a text head and no class names, which it compares videos with. Give "
            "it some: python -m ila_jax.convert --input FILE --output DIR --class-names NAMES.txt"
        )
    if file is None:
        return known
    given = read_class_names(file)
    if known is None:
        return given
    if len(given) != len(known):
        raise ValueError(
            f"{checkpoint} tells {len(known)} classes apart, {file} names {len(given)}: expected "
            "the data that it was trained for, or weights for these data"
        )
    classes = Classes(known)
    for number, (one, other) in enumerate(zip(known, given, strict=True)):
        if classes.label(other) != number:
            raise ValueError(
                f"class {number} is {one!r} in {checkpoint} and {other!r} in {file}: expected the "
                "same classes in the same order"
            )
    return known


def _check_classes(config: Config, checkpoint: str, names: Sequence[str]) -> None:
    """Errors: ValueError when the linear head has another number of classes than the data."""
    if config.model.classes not in (None, len(names)):
        raise ValueError(
            f"{checkpoint} tells {config.model.classes} classes apart, {config.data.validation} "
            f"has {len(names)}: expected the data that it was trained for, or weights for these "
            "data; where some of the classes have no video, name all of them in data.class_names"
        )


def _as_configured(config: Config, there: Recognizer) -> Variables:
    """Weights are kept in float32; a float64 model computes with what they are."""
    want = model.abstract(config.model)
    return jax.tree.map(lambda x, like: x.astype(like.dtype), there.variables, want)
