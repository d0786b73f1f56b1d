"""From a PyTorch state dict under official names to a Recognizer, and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.config import ModelConfig
from ila_jax.models.model import Variables, abstract
from ila_jax.recognizer import Origin, Recognizer
from ila_jax.weights.adapt import Allow, adapt
from ila_jax.weights.foreign.names import official
from ila_jax.weights.foreign.names.prefixes import select
from ila_jax.weights.foreign.names.recognise import Kind, kind_of, recognise, rules_of
from ila_jax.weights.foreign.names.rules import Rule, convert, is_waived
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from ila_jax.weights.foreign.settings.tables import Settings
from ila_jax.weights.fresh import on_device

State = Mapping[str, np.ndarray]


def from_torch(
    state_dict: Mapping[str, Any], class_names: Sequence[str] | None = None
) -> Recognizer:
    """A recognizer from official names to tensors or arrays, in float32.

    Size, form, head, frames and classes are read off the shapes; what wraps the names of a model,
    such as `module.`, is taken off. CLIP alone becomes plain CLIP over 8 frames. class_names: of
    the text head.
    Errors: ValueError listing every tensor that is missing, unknown or of another shape.
    """
    names = select(state_dict).names
    state = {name: _array(state_dict[there]) for name, there in names.items()}
    config, variables, origin = read_state(state)
    made, _ = adapt(config, variables, origin, config, allow=Allow(), seed=0)
    return on_device(Recognizer(made.config, made.variables, class_names, made.origin))


def read_state(
    state: State, settings: Settings | None = None
) -> tuple[ModelConfig, Variables, Origin]:
    """The model of a state dict, its weights (all that CLIP has, if it is CLIP), and their origin.

    settings: what a configuration beside it says.
    Errors: ValueError listing every tensor that is missing, unknown or of another shape, and for
    weights that are no real numbers.
    """
    _check_real(state)
    shapes = {name: np.shape(value) for name, value in state.items()}
    kind, config = kind_of(shapes), recognise(shapes, settings)
    rules = rules_of(config, clip_only=kind == "clip")
    variables = convert(state, rules, _only(abstract(config), rules), waived=official.WAIVED)
    return config, variables, _origin(kind, state)


def official_state(recognizer: Recognizer, *, clip_only: bool | None = None) -> State:
    """Official names to arrays, in the layouts and the precision that the weights came in.

    clip_only: the names that CLIP has; by default when the weights came from CLIP alone.
    Errors: ValueError for a temporal model without official names, or no CLIP to write.
    """
    origin, config = recognizer.origin or Origin(), recognizer.config
    if clip_only is None:
        clip_only = origin.kind == "clip"
    if clip_only and config.head != "text":
        raise ValueError(
            "CLIP alone cannot be written: a model with a linear head has no text tower"
        )
    rules = rules_of(config, clip_only=clip_only)
    params, stats = _only(recognizer.variables, rules)
    ours = {**flatten_dict(params, sep="/"), **flatten_dict(stats, sep="/")}
    state: dict[str, np.ndarray] = {}
    for path, value in ours.items():
        rule = next(rule for rule in rules if rule.inverse(path) is not None)
        name = str(rule.inverse(path))
        array = rule.layout.to_torch(np.asarray(value))
        state[name] = np.asarray(array, _dtype(origin.dtypes.get(name)), order="C")
    return state | _integers(state, origin, clip_only=clip_only)


def to_torch(recognizer: Recognizer, *, clip_only: bool | None = None) -> dict[str, Any]:
    """The official state dict as torch tensors: `from_torch`'s way back, bit-equal.

    clip_only: the names that CLIP has; by default when the weights came from CLIP alone.
    Errors: ValueError for a temporal model without official names, or without PyTorch.
    """
    require_torch("to_torch makes PyTorch's tensors")
    state = official_state(recognizer, clip_only=clip_only)
    return {name: to_tensor(value) for name, value in state.items()}


def to_tensor(array: np.ndarray) -> Any:
    """A torch tensor of an array, bfloat16 included. Errors: ImportError without PyTorch."""
    import torch

    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.uint16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def require_torch(what: str) -> None:
    """Errors: ValueError in words when PyTorch is missing."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"{what}, and PyTorch is not installed: pip install torch. Or write a .safetensors "
            "file with python -m ila_jax.convert --to torch, which needs none"
        ) from error


def _array(value: Any) -> np.ndarray:
    """A tensor or an array as an array, bfloat16 included."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            import torch

            return value.view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
        return value.numpy()
    return np.asarray(value)


def _check_real(state: State) -> None:
    """Errors: ValueError for whole numbers: they stand for others, by scales that are not known."""
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
    """The variables that some rule can fill."""
    kept = []
    for tree in variables:
        flat = flatten_dict(tree, sep="/")
        found = {p: v for p, v in flat.items() if any(r.inverse(p) is not None for r in rules)}
        kept.append(unflatten_dict(found, sep="/"))
    return Variables(*kept)


def _origin(kind: Kind, state: State) -> Origin:
    """What the way back needs: integers that we do not keep, and what was not float32."""
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
    """Counters as the file had them; 0 for each batch norm of a model that was in no file."""
    norms = [name.removesuffix("running_mean") for name in state if name.endswith("running_mean")]
    values = {f"{name}num_batches_tracked": 0 for name in norms}
    of_clip = {n: v for n, v in origin.integers.items() if clip_only or n in values}
    return {name: np.asarray(value, np.int64) for name, value in (values | of_clip).items()}


def _dtype(name: str | None) -> Any:
    if name is None:
        return np.float32
    return ml_dtypes.bfloat16 if name == "bfloat16" else np.dtype(name)


def write_official(recognizer: Recognizer, path: Path) -> int:
    """Writes the official state dict, as safetensors or as .pt or .pth; the number of tensors.

    Errors: ValueError, as `official_state`, or when PyTorch is needed and missing; OSError.
    """
    state = official_state(recognizer)
    if path.suffix == ".safetensors":
        write_safetensors(path, state)
        return len(state)
    require_torch(f"writing {path.suffix}")
    import torch

    torch.save({"model": {name: to_tensor(value) for name, value in state.items()}}, path)
    return len(state)
