"""Reads a run's folder: which checkpoints it holds, and the model in one of them.

A run has `checkpoints/latest`, of which older ones are deleted, and `checkpoints/best`. Each has a
folder for each step, and the same step may be in both.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import absl.logging
import jax
import orbax.checkpoint as ocp

from ila_jax.config import ModelConfig, from_config
from ila_jax.files.plain_name import plain_name
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer, evaluation_views
from ila_jax.weights.calibration import calibration_file, read_calibration
from ila_jax.weights.checksums import damage, unfinished


def score(metrics: Mapping[str, float]) -> float:
    """The score by which the best checkpoint is the best: the one that it is saved with.

    metrics: as Orbax keeps them, the score under the name of the run's `train.best_metric`.
    """
    (value,) = metrics.values()
    return value


def manager(directory: Path, **options: Any) -> ocp.CheckpointManager:
    """Orbax's manager of a folder of checkpoints, which may carry a score.

    options: further arguments of `orbax.checkpoint.CheckpointManagerOptions`.
    """
    settings = ocp.CheckpointManagerOptions(
        # Without it, Orbax would drop the scores.
        best_fn=score,
        # Two of them may write at the same time, on several processes: theirs must not be mixed up.
        multiprocessing_options=ocp.options.MultiprocessingOptions(
            barrier_sync_key_prefix=directory.name
        ),
        **options,
    )
    return ocp.CheckpointManager(plain_name(directory), options=settings)


@contextmanager
def _reading(directory: Path) -> Iterator[ocp.CheckpointManager]:
    """Orbax's manager of a folder that is only read, without its warnings that it is only read."""
    verbosity = absl.logging.get_verbosity()
    # A command has silenced more than warnings already, and that stays.
    absl.logging.set_verbosity(min(verbosity, absl.logging.ERROR))
    try:
        with manager(directory, read_only=True, create=False) as checkpoints:
            yield checkpoints
    finally:
        absl.logging.set_verbosity(verbosity)


def steps(directory: Path) -> list[int]:
    """The steps of the checkpoints in a folder, finished or not, from the lowest."""
    return sorted(int(path.name) for path in directory.glob("*") if path.name.isdigit())


def load_run(workdir: Path, which: str) -> Recognizer:
    """The model in a checkpoint of a run.

    which: "best" (the latest, when none was validated), "latest" or a step.
    Errors: ValueError naming the steps that there are, or what is damaged.
    """
    folder = checkpoint_folder(workdir, which)
    # Unlike a start of training, this takes no other one instead: the user asked for this one.
    if (problem := damage(folder)) is not None:
        raise ValueError(
            f"the checkpoint {folder} {problem}. It is not loaded: name another, such as "
            f"{workdir}@latest or a step"
        )
    with _reading(folder.parent) as checkpoints:
        args = ocp.args.Composite(run=ocp.args.JsonRestore())
        run = checkpoints.restore(int(folder.name), args=args)["run"]
    config = from_config(run["config"])
    variables = _variables(folder / "state", config.model)
    # Those of the training, as a model that was trained on dense clips must be shown dense ones.
    views = evaluation_views(config)
    temperature = read_calibration(calibration_file(workdir, int(folder.name)), variables)
    return Recognizer(
        config.model, variables, run["class_names"], views=views, temperature=temperature
    )


def best_step(directory: Path) -> int | None:
    """The finished step with the highest score; None where there is none with a score.

    Of equal ones it is the latest, which is the one that Orbax keeps.
    """
    if not directory.is_dir():
        return None
    finished = [step for step in steps(directory) if unfinished(directory / str(step)) is None]
    with _reading(directory) as checkpoints:
        scored = {step: score(checkpoints.metrics(step)) for step in finished}
    return max(scored, key=lambda step: (scored[step], step)) if scored else None


def checkpoint_folder(workdir: Path, which: str) -> Path:
    """The folder of one finished checkpoint of a run, named after its step.

    Errors: as `load_run`, but for damage.
    """
    checkpoints = workdir / "checkpoints"
    folders = [path for path in checkpoints.glob("*/*") if path.name.isdigit()]
    if not folders:
        raise ValueError(f"{checkpoints} holds no checkpoint: train first")
    # A save that is under way, or was cut short, is not counted.
    finished = {int(path.name): path for path in folders if unfinished(path) is None}
    if not finished:
        raise ValueError(
            f"{checkpoints} holds no finished checkpoint: {folders[0]} {unfinished(folders[0])}"
        )
    best = best_step(checkpoints / "best")
    if which == "best" and best is not None:
        return finished[best]
    if which in ("best", "latest"):
        return finished[max(finished)]
    if re.fullmatch(r"\d+", which) and int(which) in finished:
        return finished[int(which)]
    raise ValueError(
        f"{checkpoints} has no checkpoint {which!r}: expected best, latest or one of the steps "
        f"{', '.join(map(str, sorted(finished)))}"
    )


def _variables(folder: Path, config: ModelConfig) -> Variables:
    """Parameters and statistics on one device, whatever devices they were saved from."""
    # In part: the state of the optimizer, which is larger than the parameters, is not read.
    targets = model.abstract(config)._asdict()
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    as_here = jax.tree.map(lambda x: ocp.ArrayRestoreArgs(dtype=x.dtype, sharding=device), targets)
    with ocp.PyTreeCheckpointer() as checkpointer:
        arrays = checkpointer.restore(
            plain_name(folder),
            args=ocp.args.PyTreeRestore(item=targets, restore_args=as_here, partial_restore=True),
        )
    return Variables(**arrays)
