"""A run that trains: fine-tuned on its training clips, measured once at its end."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ila_jax.config import Config, Override, from_config, read_config
from ila_jax.data.sources.opening import open_splits
from ila_jax.evaluate.evaluator import evaluate
from ila_jax.evaluate.subject import open_subject
from ila_jax.files.publish import publish_bytes
from ila_jax.finetune.configuration import make_configuration, write_configuration
from ila_jax.finetune.decisions import Decision, table
from ila_jax.finetune.memory import fit_memory
from ila_jax.finetune.options import Folder
from ila_jax.finetune.options import Options as Finetuning
from ila_jax.finetune.origin import prepare_origin
from ila_jax.protocol.options import Options
from ila_jax.protocol.plan import Run, Training
from ila_jax.tables import render
from ila_jax.train.loop import train

# Decisions of a fine-tuning that a protocol takes for it, and why.
_TAKEN = {
    "early stopping": "the test clips choose nothing: the last checkpoint is measured",
    "balance of classes": "as the data set's own lists have them",
}


def train_and_measure(
    run: Run, training: Training, options: Options, remember: Callable[[], None]
) -> bool:
    """Does what is left of a run; False when it was stopped before its end.

    remember: is called once the options are known to make a configuration.
    Errors: ValueError, OSError, RuntimeError in plain words.
    """
    folder = Folder(run.folder)
    if not folder.config.exists():
        if training.list_file:
            # A copy: the list itself may be edited by who did not see that training has begun.
            run.folder.mkdir(parents=True, exist_ok=True)
            publish_bytes(run.kept_list, training.list_file.read_bytes())
            training = dataclasses.replace(training, source=str(run.kept_list))
        _decide(run, training, options, folder, remember)
    config = from_config(read_config(str(folder.config)))
    if not train(config, folder.run):
        return False
    # Not the best checkpoint: of several, the test clips would have chosen it.
    return evaluate(open_subject(config, f"{folder.run}@latest"), run.evaluation)


def _decide(
    run: Run, training: Training, options: Options, folder: Folder, remember: Callable[[], None]
) -> None:
    """Fits the weights to the classes, writes the configuration, and prints what was decided."""
    splits = open_splits(
        training.source, run.test, root=options.videos, class_names=training.class_names
    )
    asked = _asked(run, training, options)
    origin = prepare_origin(asked, folder, splits.class_names, several_labels=splits.several_labels)
    config, made = make_configuration(asked, folder, origin, splits)
    config, about_memory = fit_memory(
        _measured_at_its_end(config),
        {key for key, _ in options.overrides},
        options.device_memory,
        videos=len(splits.train.source),
        classes=len(splits.class_names),
    )
    made = [d._replace(reason=_TAKEN.get(d.what, d.reason)) for d in made]
    made += [Decision(f"config.{key}", repr(value), "as you asked")
             for key, value in options.overrides]  # fmt: skip
    # Before the configuration is there: what it was made with would not be known.
    remember()
    write_configuration(config, folder.config, "python -m ila_jax.protocol")
    print("\n" + render([table([*made, about_memory])], markdown=False), flush=True)


def _asked(run: Run, training: Training, options: Options) -> Finetuning:
    """The run as a fine-tuning whose split is the data set's own."""
    data: tuple[Override, ...] = (
        ("data.train", training.source),
        ("data.validation", run.test),
        ("data.class_names", training.class_names),
        ("data.root", options.videos),
    )
    names = ("weights", "recipe", "blocks", "temporal", "frames", "resolution", "epochs", "batch",
             "rate", "clips", "crops", "device_memory")  # fmt: skip
    return Finetuning(
        **{name: getattr(options, name) for name in names},
        videos=training.source,
        workdir=run.folder,
        root=options.videos,
        seed=training.seed,
        balance="none",
        patience=0,
        overrides=data + options.overrides,
    )


def _measured_at_its_end(config: Config) -> Config:
    """The configuration without validations on the way: they would choose nothing."""
    interval: dict[str, Any] = {
        "evaluate_every": config.train.steps, "evaluate_every_epochs": config.train.epochs,
    }  # fmt: skip
    return dataclasses.replace(config, train=dataclasses.replace(config.train, **interval))
