"""Converts a PyTorch state dict under official names to a Recognizer, and back.

`read_state` converts from PyTorch, and `official_state` back to it. Both together are bit-equal:
they apply the same rules, whose layouts only move elements, and `Origin` remembers the rest, which
is what was not in float32 and which whole numbers the file had next to its weights.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from ila_jax.config import ModelConfig
from ila_jax.models.model import Variables, abstract
from ila_jax.models.paths import by_path, from_paths
from ila_jax.recognizer import Origin, Recognizer
from ila_jax.weights.adapt import Allow, adapt
from ila_jax.weights.fit import check_unfolded
from ila_jax.weights.foreign.names import official
from ila_jax.weights.foreign.names.prefixes import select
from ila_jax.weights.foreign.names.recognise import Kind, kind_of, recognise, rules_of
from ila_jax.weights.foreign.names.rules import Rule, convert, flat, is_waived
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from ila_jax.weights.foreign.settings.tables import Settings
from ila_jax.weights.fresh import on_device

State = Mapping[str, np.ndarray]


def from_torch(
    state_dict: Mapping[str, Any], class_names: Sequence[str] | None = None
) -> Recognizer:
    """A recognizer in float32 from a state dict of tensors or arrays under official names.

    Size, form, head, frames and classes are read off the shapes. What stands before the names of a
    model, such as `module.`, is taken off. CLIP alone becomes plain CLIP over 8 frames.
    class_names: the names of the classes, in their order.
    Errors: ValueError listing every tensor that is missing, unknown or of another shape.
    """
    names = select(state_dict).names
    state = {name: _array(state_dict[file_name]) for name, file_name in names.items()}
    config, variables, origin = read_state(state)
    # Into the same model: nothing may differ, and what CLIP lacks for video is made.
    adapted, _ = adapt(config, variables, origin, config, allow=Allow(), seed=0)
    return on_device(Recognizer(adapted.config, adapted.variables, class_names, adapted.origin))


def read_state(
    state: State, settings: Settings | None = None
) -> tuple[ModelConfig, Variables, Origin]:
    """The model of a state dict, its variables, and what the reverse conversion has to know.

    Of CLIP alone the variables are only those that CLIP has. settings: what a configuration next to
    the weights says; without one, the model computes as OpenAI's CLIP.
    Errors: ValueError listing every tensor that is missing, unknown or of another shape, and for
    weights that are no real numbers.
    """
    # First, since whole numbers would be converted to float32 without an error.
    _check_real(state)
    shapes = {name: np.shape(value) for name, value in state.items()}
    kind, config = kind_of(shapes), recognise(shapes, settings)
    rules = rules_of(config, clip_only=kind == "clip")
    variables = convert(state, rules, _only(abstract(config), rules), waived=official.WAIVED)
    return config, variables, _origin(kind, state)


def official_state(recognizer: Recognizer, *, clip_only: bool | None = None) -> State:
    """A recognizer's weights under official names, in the layouts and the precision that they had.

    clip_only: only the names that CLIP has; by default when the weights came from CLIP alone.
    Errors: ValueError for a temporal model without official names, for an inference form, or no
    CLIP to write.
    """
    check_unfolded(recognizer.variables)
    origin, config = recognizer.origin or Origin(), recognizer.config
    # What was made around CLIP was in no file, and goes into none unless it is asked for.
    if clip_only is None:
        clip_only = origin.kind == "clip"
    if clip_only and config.head != "text":
        raise ValueError(
            "CLIP alone cannot be written: a model with a linear head has no text tower"
        )
    rules = rules_of(config, clip_only=clip_only)
    state: dict[str, np.ndarray] = {}
    for path, value in flat(_only(recognizer.variables, rules)).items():
        rule = next(rule for rule in rules if rule.inverse(path) is not None)
        name = str(rule.inverse(path))
        array = rule.layout.to_torch(np.asarray(value))
        # Copied where it is a view with other strides: writers of files want rows in order.
        state[name] = np.asarray(array, _dtype(origin.dtypes.get(name)), order="C")
    return state | _integers(state, origin, clip_only=clip_only)


def to_torch(recognizer: Recognizer, *, clip_only: bool | None = None) -> dict[str, Any]:
    """The official state dict as tensors of PyTorch: undoes `from_torch`, bit-equal.

    clip_only: only the names that CLIP has; by default when the weights came from CLIP alone.
    Errors: ValueError for a temporal model without official names, or without PyTorch.
    """
    require_torch("to_torch makes PyTorch's tensors")
    state = official_state(recognizer, clip_only=clip_only)
    return {name: to_tensor(value) for name, value in state.items()}


def to_tensor(array: np.ndarray) -> Any:
    """A tensor of PyTorch, bfloat16 included. Errors: ImportError where PyTorch is missing."""
    import torch

    # PyTorch knows no bfloat16 of NumPy's: the bits go over as whole numbers.
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.uint16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def require_torch(what: str) -> None:
    """Ends where PyTorch is missing. what: what needs it, as the beginning of the message.

    Errors: ValueError.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"{what}, and PyTorch is not installed: pip install torch. Or write a .safetensors "
            "file with python -m ila_jax.convert --to torch, which needs none"
        ) from error


def _array(value: Any) -> np.ndarray:
    """A tensor or an array as an array, bfloat16 included."""
    # By an attribute of tensors, as PyTorch may not be installed, and its import takes seconds.
    if not hasattr(value, "detach"):
        return np.asarray(value)
    tensor = value.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        import torch

        return np.asarray(tensor.view(torch.uint16).numpy().view(ml_dtypes.bfloat16))
    return np.asarray(tensor.numpy())


def _check_real(state: State) -> None:
    """Whether weights are real numbers. Whole ones are quantised, and stand for others.

    Errors: ValueError, as the scales by which they stand for others are not known.
    """
    # One number alone is a counter, and no weights.
    whole = [
        f"{name} is {value.dtype}"
        for name, value in state.items()
        if value.ndim and value.dtype.kind in "biuc" and not is_waived(name, official.WAIVED)
    ]
    if whole:
        raise ValueError(
            f"the weights are quantised, or no real numbers: {len(whole)} tensor(s), the first "
            f"{whole[0]}. Expected float16, bfloat16, float32 or float64: get the weights as they "
            "were before"
        )


def _only(variables: Variables, rules: Sequence[Rule]) -> Variables:
    """The variables that some rule has."""
    trees = []
    for tree in variables:
        leaves = by_path(tree)
        kept = {p: v for p, v in leaves.items() if any(r.inverse(p) is not None for r in rules)}
        trees.append(from_paths(kept))
    return Variables(*trees)


def _origin(kind: Kind, state: State) -> Origin:
    """What the reverse conversion needs: whole numbers that we do not keep, and other dtypes."""
    waived = {n: v for n, v in state.items() if is_waived(n, official.WAIVED)}
    return Origin(
        kind=kind,
        integers={name: int(value) for name, value in waived.items() if np.ndim(value) == 0},
        dtypes={
            name: value.dtype.name
            for name, value in state.items()
            if value.dtype != np.float32 and name not in waived
        },
    )


def _integers(state: State, origin: Origin, *, clip_only: bool) -> dict[str, np.ndarray]:
    """The whole numbers of the file; for batch norms that were in no file, a counter of 0."""
    norms = [name.removesuffix("running_mean") for name in state if name.endswith("running_mean")]
    fresh = {f"{name}num_batches_tracked": 0 for name in norms}
    # CLIP's own belong to its archive alone: its resolution, context and vocabulary.
    kept = {n: v for n, v in origin.integers.items() if clip_only or n in fresh}
    return {name: np.asarray(value, np.int64) for name, value in (fresh | kept).items()}


def _dtype(name: str | None) -> Any:
    """A type of numbers by its name; float32 where the file had that."""
    if name is None:
        return np.float32
    return ml_dtypes.bfloat16 if name == "bfloat16" else np.dtype(name)


def write_official(recognizer: Recognizer, path: Path) -> int:
    """Writes the official state dict as the suffix says; returns the number of tensors.

    path: ends in .safetensors, or in .pt or .pth, which are written by PyTorch.
    Errors: ValueError, as `official_state`, or when PyTorch is needed and missing; OSError.
    """
    state = official_state(recognizer)
    if path.suffix == ".safetensors":
        write_safetensors(path, state)
        return len(state)
    require_torch(f"writing {path.suffix}")
    import torch

    # The entry has the name that it has in the released checkpoints.
    torch.save({"model": {name: to_tensor(value) for name, value in state.items()}}, path)
    return len(state)
