"""What is evaluated: a model on a set of videos, and by what one tells it from another."""

import dataclasses
import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from ila_jax.config import Config, ModelConfig, to_dict
from ila_jax.data.class_names.classes import Classes, read_class_names
from ila_jax.data.sources.fingerprint import fingerprint, ordered_fingerprint
from ila_jax.data.sources.opening import open_source
from ila_jax.data.sources.source import OpenedSplit, VideoSource, ground_truth
from ila_jax.data.sources.video_files import tell
from ila_jax.recognizer import Recognizer
from ila_jax.scoring.history import read_metrics, training_cautions
from ila_jax.weights.digest import digest
from ila_jax.weights.fit import check_fit, in_dtypes_of
from ila_jax.weights.folder import load, named_step

# Other versions of these may round, decode or resize otherwise.
_PACKAGES = ("ila-jax", "jax", "jaxlib", "flax", "numpy", "av", "opencv-python-headless")


@dataclass(frozen=True)
class Subject:
    """A model, with the configuration's precision, and the videos that it is evaluated on.

    checkpoint: what `ila_jax.load` takes; of a run it names the step. step: of that checkpoint, or
    None for a folder of weights. ids: a name of every video, the same wherever its file lies.
    """

    config: Config
    checkpoint: str
    step: int | None
    recognizer: Recognizer
    source: VideoSource
    ids: Sequence[str]
    class_names: tuple[str, ...]

    def about(self) -> dict[str, Any]:
        """What results say of their subject, as JSON can hold it.

        Two evaluations are of one subject where what is under `same` is equal.
        """
        # Whatever changes a prediction is in `same`: an evaluation goes on only where it is equal.
        # Devices, versions and paths are beside it: they change rounding at the most.
        return {
            "same": {
                "weights": digest(self.recognizer.variables),
                "videos": fingerprint(self.ids, ground_truth(self.source)),
                "order": ordered_fingerprint(self.ids, ground_truth(self.source))[:16],
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

    def cautions_of_training(self) -> list[str]:
        """What the course of the run that the weights are of does not tell by itself."""
        if self.step is None:
            return []
        run = Path(self.checkpoint.rpartition("@")[0])
        return training_cautions(read_metrics(run / "metrics.jsonl"))


def open_subject(config: Config, checkpoint: str) -> Subject:
    """Reads the model and the list of videos. Training videos need not be there.

    Errors: ValueError or OSError in plain words for weights that do not fit the configuration,
    for class names that do not fit the weights or are missing, and for a list without videos.
    """
    checkpoint, step = named_step(checkpoint)
    loaded = load(checkpoint)
    config = _with_plain_clip(config, loaded.config)
    check_fit(checkpoint, loaded.config, config.model)
    _check_probabilities(checkpoint, loaded.config, config.model)
    names = _class_names(config, checkpoint, loaded)
    data = config.data
    opened = open_source(data.validation, root=data.root, class_names=names)
    _check_classes(config, checkpoint, opened.class_names)
    # All processes read the same list: one tells what is odd about it.
    if jax.process_index() == 0:
        tell(opened.notes)
    if not len(opened.source):
        raise ValueError(f"{data.validation} lists no videos: expected at least one")
    return subject_of(config, loaded, opened, checkpoint=checkpoint, step=step)


def subject_of(
    config: Config, weights: Recognizer, opened: OpenedSplit, *, checkpoint: str, step: int | None
) -> Subject:
    """What is evaluated: the configuration's model with these weights, on opened videos.

    weights: of a model that fits. checkpoint, step: where they are from.
    """
    variables = in_dtypes_of(config.model, weights.variables)
    return Subject(
        config=config,
        checkpoint=checkpoint,
        step=step,
        # Without a temperature that is kept beside it: what the model itself says is evaluated.
        recognizer=Recognizer(config.model, variables, opened.class_names),
        source=opened.source,
        ids=opened.all_ids(),
        class_names=opened.class_names,
    )


def _with_plain_clip(config: Config, trained: ModelConfig) -> Config:
    """Makes plain CLIP the model of a configuration where the weights are plain CLIP's.

    Nobody trains plain CLIP, so no configuration has it: of the one given, the size, the frames and
    the precision hold.
    """
    if trained.temporal != "clip" or config.model.temporal == "clip":
        return config
    own_keys = ("size", "shape", "patch", "resolution", "frames", "precision", "remat")
    model = dataclasses.replace(trained, **{name: getattr(config.model, name) for name in own_keys})
    return dataclasses.replace(config, model=model)


def versions() -> dict[str, str | None]:
    """Versions of the packages that results may depend on, by name.

    None for a package that runs without being installed, as from a clone.
    """
    by_package: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            by_package[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            by_package[name] = None
    return by_package


def _class_names(config: Config, checkpoint: str, loaded: Recognizer) -> Sequence[str] | None:
    """The names that the weights were trained with, or else those that the data name.

    Plain CLIP was trained with none: it takes any, or else those of the annotations.
    Errors: ValueError where both are known and differ, or where a text head has none.
    """
    file, trained = config.data.class_names, loaded.class_names
    if config.model.temporal == "clip" and config.model.head == "text":
        return trained if file is None else read_class_names(file)
    if loaded.config.head == "text" and trained is None:
        raise ValueError(
            f"{checkpoint} has a text head and no class names, which it compares videos with. Give "
            "it some: python -m ila_jax.convert --input FILE --output DIR --class-names NAMES.txt"
        )
    if file is None:
        return trained
    named = read_class_names(file)
    if trained is None:
        return named
    if len(named) != len(trained):
        raise ValueError(
            f"{checkpoint} tells {len(trained)} classes apart, {file} names {len(named)}: expected "
            "the data that it was trained for, or weights for these data"
        )
    # By `Classes`: other capitals, spaces and punctuation do not make it another class.
    classes = Classes(trained)
    for number, (expected, name) in enumerate(zip(trained, named, strict=True)):
        if classes.label(name) != number:
            raise ValueError(
                f"class {number} is {expected!r} in {checkpoint} and {name!r} in {file}: expected "
                "the same classes in the same order"
            )
    return trained


def _check_probabilities(checkpoint: str, trained: ModelConfig, config: ModelConfig) -> None:
    """Errors: ValueError where the logits mean something else than the configuration says."""
    if trained.probabilities != config.probabilities:
        raise ValueError(
            f"{checkpoint} was trained with model.probabilities={trained.probabilities}, found "
            f"{config.probabilities}: set it as it was trained"
        )


def _check_classes(config: Config, checkpoint: str, names: Sequence[str]) -> None:
    """Checks that a linear head has as many classes as the data. Errors: ValueError."""
    if config.model.classes not in (None, len(names)):
        raise ValueError(
            f"{checkpoint} tells {config.model.classes} classes apart, {config.data.validation} "
            f"has {len(names)}: expected the data that it was trained for, or weights for these "
            "data; where some of the classes have no video, name all of them in data.class_names"
        )
