"""What a run would be: memory, length, learning rate, and what trains. Nothing is trained."""

import os
import re
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from ila_jax.config import Config
from ila_jax.cost.program_memory import ProgramMemory, program_memory
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.job.batches import open_dataset
from ila_jax.job.processes import say
from ila_jax.job.sharding import check_batch, make_mesh
from ila_jax.tables import render
from ila_jax.train.compiled import compile_step
from ila_jax.train.dry_run import tables
from ila_jax.train.dry_run.plan import Planner
from ila_jax.train.dry_run.shapes import step_shapes
from ila_jax.train.recipe import Recipe, make_recipe

# Of a text head whose data, and so its classes' names, are not there: Kinetics-400's.
_ASSUMED_CLASSES = 400
# JAX's variables for the share of a GPU's memory that it takes: the new name counts, then the old.
_SHARES = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")
_UNITS = {"GiB": 2**30, "MiB": 2**20, "GB": 10**9, "MB": 10**6}


@dataclass(frozen=True)
class Machine:
    """The devices that a run is planned for.

    devices: how many. memory: bytes that JAX may take of each, None where that is not known. here:
    whether they are this process's own, for which the step can be compiled. words: for people.
    """

    devices: int
    memory: float | None
    here: bool
    words: str


def machine(devices: int | None, device_memory: str | None) -> Machine:
    """The machine to plan for: this one, unless a number of devices is given.

    device_memory: such as "32GiB". Errors: ValueError for a size or a number that is none, and for
    devices that are not here without the size of their memory.
    """
    given = None if device_memory is None else parse_bytes(device_memory)
    if devices is not None:
        if devices < 1:
            raise ValueError(f"--devices is {devices}: expected 1 or more")
        if given is None:
            raise ValueError(
                f"--devices {devices} plans for a machine that is not here, whose memory only you "
                "know: add --device-memory, such as --device-memory 32GiB"
            )
    here, count = devices is None, devices or jax.device_count()
    kind = jax.devices()[0].device_kind if here else "planned"
    if given is not None:
        share = _share()
        words = f"{count} devices ({kind}) of {device_memory}, of which JAX takes {share:.0%}"
        return Machine(count, share * given, here, words)
    # What JAX says of its own device has its share taken off already.
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    what = "memory unknown: give --device-memory" if limit is None else "by JAX's own account"
    return Machine(count, limit, here, f"{count} devices ({kind}), {what}")


def parse_bytes(text: str) -> float:
    """Bytes of a size such as 32GiB, 80GB or 500MiB. Errors: ValueError for another text."""
    match = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})", text.strip())
    if not match or not float(match[1]):
        raise ValueError(
            f"--device-memory is {text!r}: expected a number and one of {', '.join(_UNITS)}, "
            "such as 32GiB"
        )
    return float(match[1]) * _UNITS[match[2]]


def _share() -> float:
    """What JAX takes of a GPU's memory: three quarters, or what the environment says."""
    # 0.75 is JAX's own default.
    name, text = next(((n, os.environ[n]) for n in _SHARES if os.environ.get(n)), ("", "0.75"))
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError(f"{name} is {text!r}: expected a number above 0, at most 1")
    return share


class KnownData(NamedTuple):
    """What is known of the data of a run that need not be there.

    videos: how many an epoch shows, None where that is not known. classes: how many the model tells
    apart. notes: for people.
    """

    videos: int | None
    classes: int
    notes: tuple[str, ...]


def known_data(config: Config, videos: int | None) -> KnownData:
    """What is known of the data. videos: how many there are, where the user says it.

    Errors: ValueError where they are fewer than a batch.
    """
    data = _look_at_data(config, videos)
    if data.videos is not None and data.videos < config.train.batch:
        raise ValueError(
            f"{data.videos} videos are fewer than one batch, train.batch {config.train.batch}: "
            "an epoch needs at least one"
        )
    return data


def _look_at_data(config: Config, videos: int | None) -> KnownData:
    # Motion pairs are drawn when a run starts: their number is known before they are there.
    pairs = config.data.motion_pairs
    if pairs is not None:
        return KnownData(pairs.train_clips if videos is None else videos, len(CLASSES), ())
    try:
        data = open_dataset(config)
    except (ValueError, OSError) as error:
        reason = f"the data cannot be opened here: {str(error).splitlines()[0]}"
    else:
        return KnownData(len(data.train) if videos is None else videos, len(data.class_names), ())
    notes = [reason]
    if videos is None:
        notes.append("epochs, warm-up and schedule are not known: give --videos N")
    if config.model.classes is None:
        notes.append(f"{_ASSUMED_CLASSES} classes are assumed")
    return KnownData(videos, config.model.classes or _ASSUMED_CLASSES, tuple(notes))


def planned_recipe(config: Config, data: KnownData) -> Recipe:
    """The recipe of the run. Without a number of videos its schedule means nothing."""
    # Which class mirrors which changes no shape and no count: here each is its own mirror.
    per_epoch = 1 if data.videos is None else data.videos // config.train.batch
    return make_recipe(config, mirror=np.arange(data.classes), steps_per_epoch=per_epoch)


def compiled(recipe: Recipe) -> ProgramMemory | None:
    """Compiles the step for the devices that are here, from shapes alone: nothing is made.

    Errors: ValueError for devices that cannot share the batch, RuntimeError of the compiler.
    """
    config = recipe.config
    mesh = make_mesh(fsdp=config.mesh.fsdp)
    check_batch(mesh, "train.batch", config.train.batch)

    with jax.set_mesh(mesh):
        program = compile_step(recipe, mesh, *step_shapes(recipe, mesh)).program
    return program_memory(program)


def dry_run(
    config: Config, on: Machine, *, videos: int | None, clips_per_second: float | None
) -> str:
    """What a run would be, for people.

    videos: how many there are to train on, where they are not here. clips_per_second: the speed of
    training, if it is known. Errors: ValueError.
    """
    if clips_per_second is not None and not clips_per_second > 0:
        raise ValueError(
            f"--rate is {clips_per_second}: expected a positive number of clips a second"
        )
    data = known_data(config, videos)
    recipe = planned_recipe(config, data)
    planner = Planner(recipe, on.devices)
    say("tracing the model: seconds")
    # The estimate comes before the minutes of compiling: it names an fsdp that cannot be at once.
    plan = planner.as_configured()
    if on.here:
        say("compiling the step: minutes for a large model")
    account = compiled(recipe) if on.here else None
    # XLA's own account is exact, where it could be asked for.
    total = plan.memory.total if account is None else account.total
    fitting = None
    if on.memory is not None and total > on.memory:
        fitting = planner.fitting(on.memory)
    return "\n\n".join(
        [
            render([tables.memory(plan, account, on.words)], markdown=False),
            tables.verdict(total, on.memory, fitting),
            render(
                [tables.length(recipe, data.videos, clips_per_second, data.notes)], markdown=False
            ),
            *([] if data.videos is None else [tables.schedule(recipe)]),
            render([tables.parts(recipe)], markdown=False),
        ]
    )
