"""What a run starts from, and the folder that keeps it apart from other runs."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import jax
from jax.sharding import Mesh

from ila_jax.config import Config, ModelConfig, differences, from_config, to_dict
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.train.checkpoint import Checkpoints
from ila_jax.train.sharding import put_state, replicated
from ila_jax.train.state import State, fresh_state
from ila_jax.train.step import Recipe
from ila_jax.weights.folder import load

# Keys that may differ between the runs that share a folder: they change speed, not results.
_FREE = ("data.threads", "data.processes")


def claim(workdir: Path, config: Config) -> None:
    """Writes `config.json` into a new run's folder, or checks that it is this run's.

    Errors: ValueError naming the keys that differ; OSError when the folder cannot be written.
    """
    path = workdir / "config.json"
    if path.exists():
        with path.open() as file:
            there = from_config(json.load(file))
        changed = [d for d in differences(there, config) if not d.startswith(_FREE)]
        if changed:
            raise ValueError(
                f"{workdir} holds a run with another configuration; key: there, here\n  "
                + "\n  ".join(changed)
                + "\nGive another --workdir, or the configuration that the run was started with."
            )
        return
    workdir.mkdir(parents=True, exist_ok=True)
    if jax.process_index() == 0:
        partly = path.with_suffix(".partly")
        partly.write_text(json.dumps(to_dict(config), indent=2) + "\n")
        os.replace(partly, path)


def starting_state(
    recipe: Recipe,
    mesh: Mesh,
    checkpoints: Checkpoints,
    say: Callable[[str], None],
) -> State:
    """The state to go on from. The first of these that there is:

    1. the latest checkpoint in the run's own folder;
    2. the latest checkpoint of the run named by `initial.resume`;
    3. the weights in the folder named by `initial.pretrained`;
    4. noise, if `initial.scratch` asks for it.

    Errors: ValueError when there is none, or when it does not fit the configuration.
    """
    initial = recipe.config.initial
    if checkpoints.latest is not None:
        say(f"going on from step {checkpoints.latest} in {checkpoints.directory}")
        return _restored(recipe, mesh, checkpoints)
    if initial.resume is not None:
        other = Checkpoints(Path(initial.resume) / "checkpoints", keep_best=1)
        if other.latest is None:
            raise ValueError(
                f"initial.resume is {initial.resume}, which holds no checkpoint: "
                "expected the folder of a run"
            )
        say(f"going on from step {other.latest} of the run {initial.resume}")
        return _restored(recipe, mesh, other)
    if initial.pretrained is not None:
        say(f"starting from the weights in {initial.pretrained}")
        return put_state(mesh, _fresh(recipe)(_pretrained(recipe)))
    if initial.scratch:
        say(f"starting from noise, seed {recipe.config.train.seed}")
        seed = recipe.config.train.seed
        return put_state(mesh, _fresh(recipe)(model.initialize(recipe.config.model, seed)))
    raise ValueError(
        "this configuration starts from CLIP's weights, and initial.pretrained names none. "
        "Convert them, then name the folder:\n"
        "  python -m ila_jax.convert --input CLIP.pt --config CONFIG --output WEIGHTS\n"
        "  python -m ila_jax.train … --config.initial.pretrained=WEIGHTS\n"
        "To train from noise all the same, add --config.initial.scratch=True"
    )


def _restored(recipe: Recipe, mesh: Mesh, checkpoints: Checkpoints) -> State:
    saved = checkpoints.latest_config().model
    _check_fit(str(checkpoints.directory), saved, recipe.config.model)
    state = jax.eval_shape(_fresh(recipe), model.abstract(recipe.config.model))
    on_mesh = replicated(mesh)
    like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=on_mesh), state)
    return checkpoints.restore_latest(like)


def _pretrained(recipe: Recipe) -> Variables:
    there = load(str(recipe.config.initial.pretrained))
    _check_fit(str(recipe.config.initial.pretrained), there.config, recipe.config.model)
    # Weights are kept in float32; a float64 run computes with what they are.
    want = model.abstract(recipe.config.model)
    return jax.tree.map(lambda x, like: x.astype(like.dtype), there.variables, want)


def _fresh(recipe: Recipe) -> Callable[[Variables], State]:
    return lambda variables: fresh_state(variables, recipe.optimizer, recipe.rates)


def _check_fit(source: str, there: ModelConfig, here: ModelConfig) -> None:
    """Errors: ValueError naming the properties of the weights that differ from the config's."""
    changed = differences(_shapes_of(there), _shapes_of(here))
    if changed:
        raise ValueError(
            f"the weights in {source} are of another model; key: there, here\n  "
            + "\n  ".join(changed)
            + "\nChange the configuration to what is there, or convert the weights to it."
        )


def _shapes_of(config: ModelConfig) -> ModelConfig:
    """The config reduced to what decides the shapes of its weights."""
    return dataclasses.replace(
        config,
        size="",
        shape=config.geometry(),
        patch=None,
        resolution=None,
        dropout=0.0,
        precision="float32",
    )
