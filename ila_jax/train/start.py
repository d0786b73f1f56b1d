"""What a run starts from, and the folder that keeps it apart from other runs."""

import json
from collections.abc import Callable
from pathlib import Path

import jax
from jax.sharding import Mesh

from ila_jax.config import Config, differences, from_config, to_dict
from ila_jax.data.workers.process_limits import check_processes
from ila_jax.files.json_files import read_object
from ila_jax.files.publish import publish_text
from ila_jax.files.writable import check_writable
from ila_jax.job.processes import is_first
from ila_jax.job.sharding import shardings
from ila_jax.job.stop import STOP_FILE
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.train.checkpoint import Saved
from ila_jax.train.recipe import Recipe
from ila_jax.train.schedules import make_lr_schedule
from ila_jax.train.state import State, fresh_state
from ila_jax.weights.adapt import Allow, adapt
from ila_jax.weights.fit import check_fit, in_dtypes_of
from ila_jax.weights.folder import load

# Keys that may differ between the runs that share a folder: they change no result.
_FREE = (
    "data.threads",
    "data.processes",
    "data.max_bad_fraction",
    "train.hang_limit",
    "data.time_limit",
    "evaluation.clips",
    "evaluation.crops",
    "evaluation.sampling",
    "train.peak_tflops",
    # A run that it has ended goes on with a higher one.
    "train.patience",
    "train.wandb",
    # Where the state lies: as the number of devices, it changes results by rounding alone. A run
    # that goes on on fewer devices may need another, which has to divide their number.
    "mesh.fsdp",
)

# What other commands write first into a folder of theirs, and what such a folder holds.
_OTHER_COMMANDS = {
    "evaluation.json": "an evaluation",
    "extraction.json": "features",
    "model.json": "weights",
    "motion_pairs.json": "motion pairs",
    "dataset_info.json": "a prepared data set",
}


def check_run(workdir: Path, config: Config) -> None:
    """Checks that a run can be in the folder, or go on there: with other train.steps, too.

    It changes nothing. Errors: ValueError naming the keys that differ, if the folder holds another
    run, or what else is there; OSError where it cannot be written to.
    """
    check_writable(workdir)
    if config.data.processes:
        # Those that load for training wait while others load for validation: both are alive.
        check_processes(2 * config.data.processes, ", half to train and half to validate,")
    contents = [what for name, what in _OTHER_COMMANDS.items() if (workdir / name).exists()]
    if contents and not (workdir / "config.json").exists():
        raise ValueError(f"{workdir} holds {contents[0]}: give another --workdir, of the run's own")
    # The length may differ as well: `starting_state` judges it, with the checkpoint beside it.
    check_folder(workdir, config, free=(*_FREE, "train.steps", "train.epochs"))


def check_folder(workdir: Path, config: Config, *, free: tuple[str, ...] = _FREE) -> None:
    """Checks that the folder holds no other run. free: beginnings of keys that may differ.

    A key that the configuration in the folder lacks, as it is of an earlier version, counts with
    its default. Errors: ValueError naming the keys that differ.
    """
    path = workdir / "config.json"
    if not path.exists():
        return
    values = read_object(path, {"train"}, "the configuration of a run")
    try:
        config_of_folder = from_config(values)
    except ValueError as error:
        raise ValueError(
            f"{path} is not the configuration of a run: {error}\nGive another --workdir."
        ) from error
    changed = [d for d in differences(config_of_folder, config) if not d.startswith(free)]
    if changed:
        raise ValueError(
            f"{workdir} holds a run with another configuration; key: there, here\n  "
            + "\n  ".join(changed)
            + "\nGive another --workdir, or the configuration that the run was started with."
        )


def claim(workdir: Path, config: Config) -> None:
    """Makes the folder a run's, once nothing can be wrong with it any more. Errors: OSError.

    Of several processes the first writes `config.json`, whole or not at all.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    if is_first():
        (workdir / STOP_FILE).unlink(missing_ok=True)  # it has ended the run before
        publish_text(workdir / "config.json", json.dumps(to_dict(config), indent=2) + "\n")


def starting_state(recipe: Recipe, mesh: Mesh, workdir: Path, say: Callable[[str], None]) -> State:
    """The state to start from or to go on from, on its mesh. The first of these that there is:

    1. the latest checkpoint in the run's own folder;
    2. the latest checkpoint of the run named by `initial.resume`;
    3. the weights in the folder named by `initial.pretrained`;
    4. noise, if `initial.scratch` asks for it.

    say: is told which it is. Errors: ValueError when there is none, or when it does not fit the
    configuration.
    """
    initial, seed = recipe.config.initial, recipe.config.train.seed
    own = Saved(workdir, say)
    if own.step is not None:
        changed = _longer(own, recipe)
        say(f"going on from step {own.step} in {workdir}")
        if changed is not None:
            say(changed)
        return _restored(recipe, mesh, own)
    if initial.resume is not None:
        other = Saved(Path(initial.resume), say)
        if other.step is None:
            raise ValueError(
                f"initial.resume is {initial.resume}, which holds no checkpoint: "
                "expected the folder of a run"
            )
        _check_resumable(other, recipe.config)
        say(f"going on from step {other.step} of the run in {initial.resume}")
        return _restored(recipe, mesh, other)
    if initial.pretrained is not None:
        variables = _pretrained(recipe, say)
        say(f"starting from the weights in {initial.pretrained}")
        return fresh_on(recipe, mesh, variables)
    if initial.scratch:
        say(f"starting from noise, seed {seed}")
        return fresh_on(recipe, mesh, model.initialize(recipe.config.model, seed))
    raise ValueError(
        "this configuration starts from CLIP's weights, and initial.pretrained names none. "
        "Convert them, then name the folder:\n"
        "  python -m ila_jax.convert --input CLIP.pt --config CONFIG --output WEIGHTS\n"
        "  python -m ila_jax.train … --config.initial.pretrained=WEIGHTS\n"
        "To train from noise all the same, add --config.initial.scratch=True"
    )


def fresh_on(recipe: Recipe, mesh: Mesh, variables: Variables) -> State:
    """The fresh state of a run that starts from these variables, as it lies on the mesh."""
    # By way of the host, and made where it will lie: no device holds more than its part.
    fresh, host = _fresh(recipe), jax.device_get(variables)
    where = shardings(mesh, jax.eval_shape(fresh, host))
    state: State = jax.jit(fresh, out_shardings=where)(host)
    return state


def _longer(own: Saved, recipe: Recipe) -> str | None:
    """What another train.steps means to a run, in words; None where it is the same.

    Errors: ValueError where more steps are done.
    """
    old_config, now = own.config(), recipe.config.train.steps
    done, before = int(own.step or 0), old_config.train.steps
    if done > now:
        raise ValueError(
            f"train.steps is {now}, and the run in {own.directory.parents[1]} has done {done}: "
            f"expected {done} or more. Train for fewer steps in another --workdir; what this run "
            "was earlier is in the checkpoints that are still there (DIR@STEP)"
        )
    if now in (before, done):
        return None
    old_schedule = make_lr_schedule(
        old_config.optimizer, steps=before, steps_per_epoch=recipe.steps_per_epoch
    )
    # The last step done has the number done - 1, as steps are counted from 0.
    last, first = float(old_schedule(done - 1)), float(recipe.lr_schedule(done))
    end = float(recipe.lr_schedule(now - 1))
    return (
        f"train.steps was {before} and is {now}: the learning rate was {last:.2e} in the last "
        f"step done, goes on at {first:.2e}, where the schedule of {now} steps is by now, and "
        f"ends at {end:.2e}. It will not be the same run as one of {now} steps from the "
        "beginning (docs/how-to/interruptions.md)"
    )


def _restored(recipe: Recipe, mesh: Mesh, saved: Saved) -> State:
    """The state of a checkpoint, each array read to where it lies on the mesh."""
    check_fit(str(saved.directory), saved.config().model, recipe.config.model)
    state = abstract_state(recipe)
    like = jax.tree.map(
        lambda x, where: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where),
        state,
        shardings(mesh, state),
    )
    return saved.state(like)


def _check_resumable(other: Saved, here: Config) -> None:
    """Errors: ValueError when another run's state cannot be gone on from with this config."""
    config = other.config()
    if other.step is not None and other.step >= here.train.steps:
        raise ValueError(
            f"the run in {here.initial.resume} is at step {other.step}, train.steps is "
            f"{here.train.steps}: raise it"
        )
    # These decide which optimizer state there is: moments of what, and of which parameters.
    kept = ("name", "groups", "clip_norm", "trained_blocks")
    changed = [
        f"optimizer.{key}: {getattr(config.optimizer, key)}, {getattr(here.optimizer, key)}"
        for key in kept
        if getattr(config.optimizer, key) != getattr(here.optimizer, key)
    ]
    if changed:
        raise ValueError(
            f"the run in {here.initial.resume} has another optimizer; key: there, here\n  "
            + "\n  ".join(changed)
            + "\nTo take its weights alone, name its folder in initial.pretrained."
        )


def _pretrained(recipe: Recipe, say: Callable[[str], None]) -> Variables:
    """The weights that `initial.pretrained` names, fitted to the model. Errors: ValueError."""
    initial, here = recipe.config.initial, recipe.config.model
    weights = load(str(initial.pretrained))
    if initial.reset_head:
        allow, seed = Allow(reset_head=True), recipe.config.train.seed
        weights, report = adapt(
            weights.config, weights.variables, weights.origin, here, allow=allow, seed=seed
        )
        new = [f"{len(report.new)} tensors start fresh, such as {', '.join(report.new[:3])}"]
        for note in report.notes + new * bool(report.new):
            say(note)
    elif weights.config.classes != here.classes and weights.config.head == here.head == "linear":
        # Before check_fit, which would list the key and not what to do.
        raise ValueError(
            f"the weights in {initial.pretrained} tell {weights.config.classes} classes apart, "
            f"model.classes is {here.classes}: for a fresh head, add "
            "--config.initial.reset_head=True"
        )
    check_fit(str(initial.pretrained), weights.config, here)
    return in_dtypes_of(here, weights.variables)


def abstract_state(recipe: Recipe) -> State:
    """Shapes and dtypes of a run's state, without making any array."""
    state: State = jax.eval_shape(_fresh(recipe), model.abstract(recipe.config.model))
    return state


def _fresh(recipe: Recipe) -> Callable[[Variables], State]:
    ema = recipe.config.train.ema > 0
    return lambda variables: fresh_state(variables, recipe.optimizer, recipe.lr_factors, ema=ema)
