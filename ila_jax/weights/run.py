"""Reading a run's folder: which checkpoints it holds, and the model in one of them."""

import re
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from ila_jax.config import ModelConfig, from_config
from ila_jax.files.plain_name import plain_name
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer, evaluation_views
from ila_jax.weights.checksums import damage, unfinished

METRIC = "top1"  # what the best checkpoint is best in


def manager(directory: Path, **options: Any) -> ocp.CheckpointManager:
    """Orbax's manager of a folder of checkpoints, which may carry a score."""
    settings = ocp.CheckpointManagerOptions(
        # Without it Orbax would drop the scores.
        best_fn=lambda metrics: metrics[METRIC],
        # Two of them may write at the same time, on several processes: theirs must not be mixed up.
        multiprocessing_options=ocp.options.MultiprocessingOptions(
            barrier_sync_key_prefix=directory.name
        ),
        **options,
    )
    return ocp.CheckpointManager(plain_name(directory), options=settings)


def steps(directory: Path) -> list[int]:
    """The steps of the checkpoints in a folder, finished or not, in order."""
    return sorted(int(path.name) for path in directory.glob("*") if path.name.isdigit())


def load_run(workdir: Path, which: str) -> Recognizer:
    """The model of a run. which: "best" (the latest, when none was validated), "latest" or a step.

    Errors: ValueError naming the steps there are, or what is damaged.
    """
    folder = checkpoint_folder(workdir, which)
    if (problem := damage(folder)) is not None:
        raise ValueError(
            f"the checkpoint {folder} {problem}. It is not loaded: name another, such as "
            f"{workdir}@latest or a step"
        )
    with manager(folder.parent, read_only=True, create=False) as checkpoints:
        args = ocp.args.Composite(run=ocp.args.JsonRestore())
        run = checkpoints.restore(int(folder.name), args=args)["run"]
    config = from_config(run["config"])
    variables = _variables(folder / "state", config.model)
    views = evaluation_views(config)  # or a model trained on dense clips would be shown others
    return Recognizer(config.model, variables, run["class_names"], views=views)


def best_step(directory: Path) -> int | None:
    """The step with the highest top-1, of equals the latest, as Orbax keeps; None without any."""
    if not directory.is_dir():
        return None
    finished = [step for step in steps(directory) if unfinished(directory / str(step)) is None]
    with manager(directory, read_only=True, create=False) as checkpoints:
        scored = {step: checkpoints.metrics(step)[METRIC] for step in finished}
    return max(scored, key=lambda step: (scored[step], step)) if scored else None


def checkpoint_folder(workdir: Path, which: str) -> Path:
    """The folder of one finished checkpoint of a run, named after its step.

    Errors: as `load_run`, but for damage.
    """
    checkpoints = workdir / "checkpoints"
    found = [path for path in checkpoints.glob("*/*") if path.name.isdigit()]
    if not found:
        raise ValueError(f"{checkpoints} holds no checkpoint: train first")
    there = {int(path.name): path for path in found if unfinished(path) is None}
    if not there:
        raise ValueError(
            f"{checkpoints} holds no finished checkpoint: {found[0]} {unfinished(found[0])}"
        )
    best = best_step(checkpoints / "best")
    if which == "best" and best is not None:
        return there[best]
    if which in ("best", "latest"):
        return there[max(there)]
    if re.fullmatch(r"\d+", which) and int(which) in there:
        return there[int(which)]
    raise ValueError(
        f"{checkpoints} has no checkpoint {which!r}: expected best, latest or one of the steps "
        f"{', '.join(map(str, sorted(there)))}"
    )


def _variables(folder: Path, config: ModelConfig) -> Variables:
    """Parameters and statistics alone, whatever devices they were saved from."""
    targets = model.abstract(config)._asdict()
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    as_here = jax.tree.map(lambda x: ocp.ArrayRestoreArgs(dtype=x.dtype, sharding=device), targets)
    with ocp.PyTreeCheckpointer() as checkpointer:
        found = checkpointer.restore(
            plain_name(folder),
            args=ocp.args.PyTreeRestore(item=targets, restore_args=as_here, partial_restore=True),
        )
    return Variables(**found)
