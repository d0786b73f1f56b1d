"""Reads foreign files and folders: recognises them by their content and gets their tensors.

A name may lie, and does: checkpoints are called .pth, .pt, .bin or nothing at all. So a file is
recognised by its first bytes. `read` opens it, or all files of a folder, and gives the tensors
official names; what comes after works on these alone.
"""

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

from ila_jax.weights.foreign import entries, other_files
from ila_jax.weights.foreign.hub import local
from ila_jax.weights.foreign.names import huggingface, official
from ila_jax.weights.foreign.names.prefixes import select
from ila_jax.weights.foreign.names.rules import is_waived
from ila_jax.weights.foreign.pickle_names import Module, Refused
from ila_jax.weights.foreign.safetensors_file import read_safetensors
from ila_jax.weights.foreign.settings import open_clip_settings, transformers_settings
from ila_jax.weights.foreign.settings.tables import Settings
from ila_jax.weights.foreign.torch_files import TorchFile, is_tensor, read_legacy, read_zip
from ila_jax.weights.foreign.weight_files import OPEN_CLIP, WeightFiles, choose, single_file

_MOST_JSON = 64 << 20  # bytes, far above any configuration
_NO_TENSOR = "is no tensor"


@dataclass(frozen=True)
class Foreign:
    """The weights of a file or a folder, under official names.

    form: what users call this kind of file. state: the tensors by name, views of the mapped file
    where they can be. bytes: the size of the file or files. settings: what stands beside the
    weights, as plain data. skipped: entries that were not read, to the reason. activation: whether
    the file says which activation its model has. configuration: the settings of a folder,
    understood.
    """

    form: str
    state: Mapping[str, np.ndarray]
    bytes: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    activation: bool = False
    configuration: Settings | None = None


def read(source: str | Path, wanted: str | None = None) -> Foreign:
    """The weights of a file, or of a folder of Hugging Face or open_clip, here or at `hf://`.

    wanted: the entry, or the prefix of names, where the file holds several models.
    Nothing of the file is run. Errors: ValueError in a sentence when it is no file of weights or
    damaged; `Refused`, which is one, when it asks for more than data.
    """
    path = local(str(source))
    if not path.exists():
        raise ValueError(f"there is no file {path}{other_files.on_the_hub(path)}")
    try:
        entry, prefix = entries.parts(wanted)
        return _official(_read(path, entry), prefix)
    except Refused as error:
        raise Refused(f"{source} was refused: {error}") from error
    except (ValueError, MemoryError) as error:
        raise ValueError(f"{source} cannot be read: {error}") from error


def _read(path: Path, entry: str | None) -> Foreign:
    """The tensors under their own names, of a file alone or with the configuration it goes with."""
    if path.is_dir():
        whole_set = choose(os.listdir(path), lambda name: _json(path / name))
        return _read_folder(path, whole_set, entry)
    # A file of a folder computes as the configuration next to it says, even if it is named alone.
    if one_of_set := single_file(path.name, os.listdir(path.parent)):
        return _read_folder(path.parent, one_of_set, entry)
    return _read_file(path, entry)


def _read_file(path: Path, entry: str | None) -> Foreign:
    """The tensors of one file, whose format is recognised by its first bytes.

    Errors: ValueError saying what the file is instead.
    """
    # A device or a pipe would be read for ever.
    if not path.is_file():
        raise ValueError("it is no regular file")
    if not path.stat().st_size:
        raise ValueError("it is empty: get it again")
    with path.open("rb") as opened:
        # Copy-on-write, as numpy wants to hold a writable buffer for what is never written.
        file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    start = file[:16]
    # Zip first, as it is certain; then what is known to be something else, since safetensors and
    # old pickles are recognised by one byte each.
    try:
        if start.startswith(b"PK\x03\x04"):
            return _of_torch(read_zip(path, file), len(file), entry)
        if description := other_files.what(file[: other_files.FIRST]):
            raise ValueError(description)
        # safetensors: eight bytes of length, and then a JSON object.
        if start[8:9] == b"{":
            return Foreign("safetensors", _without(entry, read_safetensors(file)), len(file))
        # The first instruction of a pickle: its protocol.
        if start[:1] == b"\x80":
            return _of_torch(read_legacy(file), len(file), entry)
    except Refused:
        raise
    except ValueError as error:
        raise ValueError(f"{error}{other_files.unfinished(path)}") from error
    raise ValueError(
        f"it begins with {start[:8]!r}: expected a PyTorch file (.pt, .pth) or safetensors"
        + other_files.by_name(path)
    )


def _without(entry: str | None, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a file that has no entries. Errors: ValueError when one is wanted."""
    if entry is not None:
        raise ValueError(
            f"it has no entries, and none called {entry}: --entry names what the names of tensors "
            "begin with, such as teacher."
        )
    return state


def _of_torch(file: TorchFile, size: int, entry: str | None) -> Foreign:
    """The state dict in what torch.save or TorchScript wrote. size: the file's length in bytes."""
    if isinstance(file.data, Module):
        # OpenAI's form, and its activation is in the code.
        return Foreign(file.form, _without(entry, file.module_tensors()), size, activation=True)
    if not isinstance(file.data, dict):
        raise ValueError(
            f"it holds no dict of tensors but {type(file.data).__name__}: save the state dict with "
            "torch.save(model.state_dict(), FILE)"
        )
    path = entries.find(file.data, entry)
    state = entries.at(file.data, path)
    skipped = entries.skipped_entries(file.data, path)
    tensors, counts = {k: v for k, v in state.items() if is_tensor(v)}, _counts(state)
    for name in (str(k) for k in state if k not in tensors and str(k) not in counts):
        skipped[name] = _NO_TENSOR
    # The released checkpoints of X-CLIP and ILA have their configuration in an entry of this name.
    config = file.data.get("config")
    if isinstance(config, dict):
        skipped.pop("config", None)
    return Foreign(
        f"{file.form}, its entry {path!r}" if path else file.form,
        file.tensors(tensors) | counts,
        size,
        settings=config if isinstance(config, dict) else {},
        skipped=skipped,
    )


def _counts(state: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """Numbers that older state dicts hold next to the tensors, such as the size of the image."""
    # Larger numbers than 64 bits hold no count, and `type` keeps out True and False.
    return {
        str(name): np.asarray(value, np.int64)
        for name, value in state.items()
        if type(value) is int and abs(value) < 2**63 and is_waived(str(name), official.WAIVED)
    }


def _read_folder(path: Path, chosen: WeightFiles, entry: str | None) -> Foreign:
    """A folder of Hugging Face (config.json) or of open_clip (open_clip_config.json)."""
    # The configuration before the weights: a model that ours cannot compute is refused at once.
    settings = _json(path / chosen.config)
    if chosen.config == OPEN_CLIP:
        form, configuration = "open_clip", open_clip_settings.parse_settings(path, settings)
    else:
        form, configuration = "Hugging Face", transformers_settings.parse_settings(path, settings)
    # One file, or all shards of one set of weights.
    parts = [_part(path / file, entry) for file in chosen.files]
    state = {name: value for part in parts for name, value in part.state.items()}
    if len(state) != sum(len(part.state) for part in parts):
        raise ValueError("two of its files hold a tensor of the same name: get it again")
    return Foreign(
        f"{form} folder, {', '.join(chosen.files[:1])}{_more(chosen.files)}",
        state,
        sum(part.bytes for part in parts),
        settings=settings,
        skipped={name: why for part in parts for name, why in part.skipped.items()},
        activation=True,
        configuration=configuration,
    )


def _part(path: Path, entry: str | None) -> Foreign:
    """A file of a folder. Errors: as `_read_file`, with the name of the file in front."""
    try:
        return _read_file(path, entry)
    except Refused as error:
        raise Refused(f"{path.name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def _more(files: Sequence[str]) -> str:
    return f" and {len(files) - 1} more" if len(files) > 1 else ""


def _json(path: Path) -> dict[str, Any]:
    """The settings in a file. Errors: ValueError saying what it holds instead."""
    if path.stat().st_size > _MOST_JSON:
        raise ValueError(f"{path.name} is too long to be a configuration")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        what = other_files.what(path.read_bytes()[: other_files.FIRST]) or f"{error}: get it again"
        raise ValueError(f"{path.name} is no JSON: {what}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path.name} holds no settings: get it again")
    return settings


def _official(foreign: Foreign, prefix: str | None) -> Foreign:
    """The same under official names. prefix: which model to take, where there are several."""
    # Prefixes come off first: the names behind them tell whose names they are.
    selected = select(foreign.state, prefix)
    state = {name: foreign.state[file_name] for name, file_name in selected.names.items()}
    form, skipped = foreign.form, {**foreign.skipped, **selected.skipped}
    if selected.taken_off:
        form += f", names without {' and '.join(selected.taken_off)}"
    if huggingface.is_hugging_face(list(state)):
        waived = [n for n in state if any(re.fullmatch(p, n) for p in huggingface.WAIVED)]
        form, state = f"{form}, Hugging Face names", huggingface.to_official(state, waived)
        skipped |= dict.fromkeys(waived, "counts positions, holds no weights")
    return dataclasses.replace(foreign, form=form, state=state, skipped=skipped)
