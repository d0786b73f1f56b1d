"""Foreign files and folders: what they are, told by their content, and their tensors."""

import dataclasses
import json
import mmap
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ila_jax.weights import huggingface, open_clip_settings, transformers_settings
from ila_jax.weights.hub import PREFIX, fetch
from ila_jax.weights.pickle_names import Module, Refused
from ila_jax.weights.safetensors_file import read_safetensors
from ila_jax.weights.settings import Settings
from ila_jax.weights.torch_files import TorchFile, is_tensor, read_legacy, read_zip
from ila_jax.weights.weight_files import OPEN_CLIP, choose

_MOST_JSON = 64 << 20
# Where checkpoints of training keep the state dict of the model.
_ENTRIES = ("model", "state_dict")


@dataclass(frozen=True)
class Foreign:
    """The weights of a file, under official names.

    form: of the file, in words. state: views of the mapped file where they can be. bytes: of the
    file or files. settings: what the file says beside the weights, as plain data. left: entries
    that were not read, and why. activation: whether the file says which it has. configuration:
    `settings` of a folder, understood.
    """

    form: str
    state: Mapping[str, np.ndarray]
    bytes: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
    activation: bool = False
    configuration: Settings | None = None


def read(source: str | Path) -> Foreign:
    """The weights of a file, or of a folder of Hugging Face or open_clip, here or at `hf://`.

    Nothing of the file is run. Errors: ValueError in a sentence when it is no file of weights,
    damaged, or asks for more than data.
    """
    path = fetch(str(source)) if str(source).startswith(PREFIX) else Path(source)
    if not path.exists():
        raise ValueError(f"there is no file {path}")
    try:
        foreign = _read_folder(path) if path.is_dir() else _read_file(path)
        return _official(foreign)
    except Refused as error:
        raise Refused(f"{source} was refused: {error}") from error
    except (ValueError, MemoryError) as error:
        raise ValueError(f"{source} cannot be read: {error}") from error


def _read_file(path: Path) -> Foreign:
    if not path.is_file():
        raise ValueError("it is no regular file")
    if not path.stat().st_size:
        raise ValueError("it is empty: get it again")
    with path.open("rb") as opened:
        # Copy-on-write, as numpy wants to hold a writable buffer for what is never written.
        file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    start = file[:16]
    if start.startswith(b"PK\x03\x04"):
        return _of_torch(read_zip(path, file), len(file))
    if start[8:9] == b"{":
        state = read_safetensors(file)
        return Foreign("safetensors", state, len(file))
    if start[:1] == b"\x80":
        return _of_torch(read_legacy(file), len(file))
    raise ValueError(
        f"it begins with {start[:8]!r}: expected a PyTorch file (.pt, .pth) or safetensors"
        + (", and this is a web page" if b"<" in start[:2] else "")
    )


def _of_torch(file: TorchFile, size: int) -> Foreign:
    """The state dict in what torch.save or TorchScript wrote."""
    if isinstance(file.data, Module):
        # OpenAI's form, and its activation is in the code.
        return Foreign(file.form, file.module_tensors(), size, activation=True)
    if not isinstance(file.data, dict):
        raise ValueError(
            f"it holds no dict of tensors but {type(file.data).__name__}: save the state dict with "
            "torch.save(model.state_dict(), FILE)"
        )
    entry = next((e for e in _ENTRIES if isinstance(file.data.get(e), dict)), None)
    if entry is None:
        return Foreign(file.form, _plain(file, file.data), size)
    rest = {str(k): _why(k) for k in file.data if k != entry}
    config = file.data.get("config")
    return Foreign(
        f"{file.form}, its entry {entry!r}",
        _plain(file, file.data[entry]),
        size,
        settings=config if isinstance(config, dict) else {},
        left={name: why for name, why in rest.items() if name != "config"},
    )


def _why(entry: Any) -> str:
    return "belongs to the training that made it, not to the model"


def _plain(file: TorchFile, state: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """Tensors by name, without the prefix that data-parallel training leaves."""
    found = file.tensors({k: v for k, v in state.items() if is_tensor(v) or not _is_count(v)})
    found |= {str(k): np.asarray(v, np.int64) for k, v in state.items() if _is_count(v)}
    if found and all(name.startswith("module.") for name in found):
        found = {name.removeprefix("module."): value for name, value in found.items()}
    return found


def _is_count(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**63


def _read_folder(path: Path) -> Foreign:
    """A folder of Hugging Face (config.json) or of open_clip (open_clip_config.json)."""
    chosen = choose(os.listdir(path), lambda name: _json(path / name))
    settings = _json(path / chosen.config)
    if chosen.config == OPEN_CLIP:
        form, configuration = "open_clip", open_clip_settings.understood(path, settings)
    else:
        form, configuration = "Hugging Face", transformers_settings.understood(path, settings)
    parts = [_read_file(path / file) for file in chosen.files]
    state = {name: value for part in parts for name, value in part.state.items()}
    if len(state) != sum(len(part.state) for part in parts):
        raise ValueError("two of its files hold a tensor of the same name: get it again")
    return Foreign(
        f"{form} folder, {', '.join(chosen.files[:1])}{_more(chosen.files)}",
        state,
        sum(part.bytes for part in parts),
        settings=settings,
        left={name: why for part in parts for name, why in part.left.items()},
        activation=True,
        configuration=configuration,
    )


def _more(files: Sequence[str]) -> str:
    return f" and {len(files) - 1} more" if len(files) > 1 else ""


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MOST_JSON:
        raise ValueError(f"{path.name} is too long to be a configuration")
    try:
        found = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON ({error}): get it again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no settings: get it again")
    return found


def _official(foreign: Foreign) -> Foreign:
    """The same under official names."""
    names = list(foreign.state)
    if not huggingface.is_hugging_face(names):
        return foreign
    waived = [n for n in names if any(re.fullmatch(p, n) for p in huggingface.WAIVED)]
    return dataclasses.replace(
        foreign,
        form=f"{foreign.form}, Hugging Face names",
        state=huggingface.to_official(foreign.state, waived),
        left={**foreign.left, **dict.fromkeys(waived, "counts positions, holds no weights")},
    )
