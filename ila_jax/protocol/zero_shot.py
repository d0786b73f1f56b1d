"""A run that trains nothing: a text head compares videos with classes that are new to it."""

import dataclasses
from collections.abc import Callable

import jax

from ila_jax.config import (
    Config,
    EvaluationConfig,
    Precision,
    from_config,
    set_value,
    to_dict,
)
from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.sources.opening import open_source
from ila_jax.evaluate.evaluator import evaluate
from ila_jax.evaluate.subject import Subject, subject_of
from ila_jax.finetune.options import Options as Finetuning
from ila_jax.finetune.origin import read_weights, recipe_of
from ila_jax.finetune.videos import BAD_FRACTION
from ila_jax.protocol.options import Options
from ila_jax.protocol.plan import Run
from ila_jax.recognizer import Recognizer
from ila_jax.weights.fit import check_fit
from ila_jax.weights.folder import named_step


def measure(run: Run, options: Options, remember: Callable[[], None]) -> bool:
    """Evaluates the weights on a run's classes; False when it was stopped before its end.

    remember: is called once the weights are read, and all options are known to go together.
    Errors: ValueError, OSError, RuntimeError in plain words.
    """
    subject = _subject(run, options)
    remember()
    return evaluate(subject, run.evaluation)


def _subject(run: Run, options: Options) -> Subject:
    """The weights with the data set's classes. Errors: ValueError for those of a linear head."""
    loaded = read_weights(options.weights)
    if loaded.config.head != "text":
        raise ValueError(
            f"{options.weights} has a linear head, which knows the classes that it was trained on "
            "and no others: zero-shot needs weights with a text head, such as CLIP's, X-CLIP's or "
            "those of a run with model.head=text"
        )
    config = _config(run, options, loaded)
    check_fit(options.weights, loaded.config, config.model)
    names = None if options.names_file is None else read_class_names(options.names_file)
    opened = open_source(run.test, root=options.videos, class_names=names)
    checkpoint, step = _checkpoint(options.weights)
    return subject_of(config, loaded, opened, checkpoint=checkpoint, step=step)


def _config(run: Run, options: Options, loaded: Recognizer) -> Config:
    """The configuration of the evaluation: frames are taken as the weights were trained."""
    asked = Finetuning(videos=run.test, workdir=run.folder, weights=options.weights)
    recipe, _ = recipe_of(asked, fresh_head=False)
    precision: Precision = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    frames = loaded.config.frames if options.frames is None else options.frames
    config = dataclasses.replace(
        recipe,
        model=dataclasses.replace(loaded.config, precision=precision, frames=frames),
        data=dataclasses.replace(
            recipe.data, train=run.test, validation=run.test, class_names=options.names_file,
            root=options.videos, motion_pairs=None, max_bad_fraction=BAD_FRACTION, cached_views=0,
        ),
        evaluation=EvaluationConfig(
            batch=64, time_order=False, clips=options.clips, crops=options.crops
        ),
    )  # fmt: skip
    values = to_dict(config)
    for key, value in options.overrides:
        set_value(values, key, value)
    return from_config(values)


def _checkpoint(weights: str) -> tuple[str, int | None]:
    """What results say of the weights' origin: of a run of ours the checkpoint, with its step."""
    try:
        return named_step(weights)
    except ValueError:  # a file of other people's, which has no steps
        return weights, None
