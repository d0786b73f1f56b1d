"""What a run would be: its memory, its length, its rates, and what trains. Nothing is trained."""

import os
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ila_jax.config import Config
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.job.batches import open_dataset
from ila_jax.job.processes import say
from ila_jax.job.sharding import check_batch, make_mesh, over_data, replicated, shardings
from ila_jax.tables import render
from ila_jax.train.dry_run import tables as tables
from ila_jax.train.dry_run.memory import Compiled, clip_shape, text_shape
from ila_jax.train.dry_run.plan import Planner
from ila_jax.train.start import abstract_state
from ila_jax.train.step import Recipe, compiled_step, make_recipe

_ASSUMED_CLASSES = 400  # of a text head whose data are not there: Kinetics-400's
_SHARES = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")  # new name, old name
_UNITS = {"GiB": 2**30, "MiB": 2**20, "GB": 10**9, "MB": 10**6}


@dataclass(frozen=True)
class Machine:
    """devices: how many. memory: bytes that JAX may take of each, None where that is not known.

    here: whether they are this process's own, for which the step can be compiled.
    """

    devices: int
    memory: float | None
    here: bool
    said: str


def machine(devices: int | None, device_memory: str | None) -> Machine:
    """The machine to plan for: this one, unless a number of devices is given. Errors: ValueError"""
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
        said = f"{count} devices ({kind}) of {device_memory}, of which JAX takes {share:.0%}"
        return Machine(count, share * given, here, said)
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    what = "memory unknown: give --device-memory" if limit is None else "by JAX's own account"
    return Machine(count, limit, here, f"{count} devices ({kind}), {what}")


def parse_bytes(text: str) -> float:
    """Bytes of a size such as 32GiB, 80GB or 500MiB. Errors: ValueError."""
    found = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})", text.strip())
    if not found or not float(found[1]):
        raise ValueError(
            f"--device-memory is {text!r}: expected a number and one of {', '.join(_UNITS)}, "
            "such as 32GiB"
        )
    return float(found[1]) * _UNITS[found[2]]


def _share() -> float:
    """What JAX takes of a GPU's memory: three quarters, or what the environment says."""
    name, text = next(((n, os.environ[n]) for n in _SHARES if os.environ.get(n)), ("", "0.75"))
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError(f"{name} is {text!r}: expected a number above 0, at most 1")
    return share


class Listed(NamedTuple):
    """videos: that an epoch shows, None where that is not known. classes: of the model."""

    videos: int | None
    classes: int
    notes: tuple[str, ...]


def listed(config: Config, videos: int | None) -> Listed:
    """What is known of the data, which need not be there. Errors: ValueError."""
    found = _listed(config, videos)
    if found.videos is not None and found.videos < config.train.batch:
        raise ValueError(
            f"{found.videos} videos are fewer than one batch, train.batch {config.train.batch}: "
            "an epoch needs at least one"
        )
    return found


def _listed(config: Config, videos: int | None) -> Listed:
    pairs = config.data.motion_pairs
    if pairs is not None:
        return Listed(pairs.train_clips if videos is None else videos, len(CLASSES), ())
    try:
        data = open_dataset(config)
    except (ValueError, OSError) as error:
        reason = f"the data cannot be opened here: {str(error).splitlines()[0]}"
    else:
        return Listed(len(data.train) if videos is None else videos, len(data.class_names), ())
    notes = [reason]
    if videos is None:
        notes.append("epochs, warm-up and schedule are not known: give --videos N")
    if config.model.classes is None:
        notes.append(f"{_ASSUMED_CLASSES} classes are assumed")
    return Listed(videos, config.model.classes or _ASSUMED_CLASSES, tuple(notes))


def recipe_of(config: Config, data: Listed) -> Recipe:
    """The recipe of a run. Without a number of videos its schedule means nothing."""
    per_epoch = 1 if data.videos is None else data.videos // config.train.batch
    return make_recipe(config, mirror=np.arange(data.classes), steps_per_epoch=per_epoch)


def compiled(recipe: Recipe) -> Compiled:
    """Compiles the step for the devices that are here. Errors: ValueError, RuntimeError."""
    config = recipe.config
    mesh = make_mesh(fsdp=config.mesh.fsdp)
    check_batch(mesh, "train.batch", config.train.batch)

    def lying(x: Any, where: Any) -> Any:
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where)

    state = abstract_state(recipe)
    state = jax.tree.map(lying, state, shardings(mesh, state))
    clips = config.train.batch
    batch = {
        "video": jax.ShapeDtypeStruct((clips, *clip_shape(config)), jnp.uint8),
        "label": jax.ShapeDtypeStruct((clips,), jnp.int32),
    }
    batch = jax.tree.map(lambda x: lying(x, over_data(mesh)), batch)
    text = jax.tree.map(lambda x: lying(x, replicated(mesh)), text_shape(recipe))
    with jax.set_mesh(mesh):
        program = compiled_step(recipe, mesh, state).lower(state, batch, text).compile()
    found = program.memory_analysis()
    fresh = found.output_size_in_bytes - found.alias_size_in_bytes
    return Compiled(found.argument_size_in_bytes, found.temp_size_in_bytes + fresh)


def dry_run(config: Config, where: Machine, *, videos: int | None, rate: float | None) -> str:
    """What a run would be, for people. rate: clips a second, if known. Errors: ValueError."""
    if rate is not None and not rate > 0:
        raise ValueError(f"--rate is {rate}: expected a positive number of clips a second")
    data = listed(config, videos)
    recipe = recipe_of(config, data)
    planner = Planner(recipe, where.devices)
    say("tracing the model: seconds")
    plan = planner.as_configured()
    if where.here:
        say("compiling the step: minutes for a large model")
    found = compiled(recipe) if where.here else None
    total = plan.memory.total if found is None else sum(found)
    fitting = None
    if where.memory is not None and total > where.memory:
        fitting = planner.fitting(where.memory)
    return "\n\n".join(
        [
            render([tables.memory(plan, found, where.said)], markdown=False),
            tables.verdict(total, where.memory, fitting),
            render([tables.length(recipe, data.videos, rate, data.notes)], markdown=False),
            *([] if data.videos is None else [tables.schedule(recipe)]),
            render([tables.parts(recipe)], markdown=False),
        ]
    )
