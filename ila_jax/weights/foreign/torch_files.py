"""Reads PyTorch's files without PyTorch: zip and TorchScript archives, and the format before 1.6.

Tensors are views of the mapped file: nothing is copied until someone converts them. A file has two
parts: a pickle that describes tensors (`pickles` reads it), and their elements, in storages that
several tensors may share.
"""

import io
import math
import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from tqdm import tqdm

from ila_jax.weights.foreign import pickles
from ila_jax.weights.foreign.archives import Archive, open_archive
from ila_jax.weights.foreign.pickle_names import Module, Storage, TensorReference

# Gives the elements of a storage, all in one row.
Elements = Callable[[Storage], np.ndarray]

_DTYPES: dict[str, Any] = {
    "DoubleStorage": np.float64, "FloatStorage": np.float32, "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16, "LongStorage": np.int64, "IntStorage": np.int32,
    "ShortStorage": np.int16, "CharStorage": np.int8, "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}  # fmt: skip
# The first three pickles of a file from before PyTorch 1.6: a number, a version, the machine.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001
_MOST_PICKLES = 64 << 20  # bytes in front of the elements, which are read into memory
_MOST_AXES = 8


@dataclass(frozen=True)
class TorchFile:
    """What a file holds.

    form: what users call this kind of file. data: plain data with references to tensors in it.
    elements: gives the elements of those tensors, storage by storage.
    """

    form: str
    data: Any
    elements: Elements

    def tensors(self, state: Mapping[Any, Any]) -> dict[str, np.ndarray]:
        """The arrays of a dict of names and tensors. Errors: ValueError for anything else in it."""
        wrong = [f"{k} ({type(v).__name__})" for k, v in state.items() if not is_tensor(v)]
        if wrong:
            raise ValueError(
                "expected names and tensors alone, found also " + ", ".join(map(str, wrong[:5]))
            )
        items = tqdm(state.items(), desc="reading", unit=" tensors", disable=None)
        return {str(name): _array(tensor, self.elements) for name, tensor in items}

    def module_tensors(self) -> dict[str, np.ndarray]:
        """The arrays of a TorchScript archive, named as in a state dict: parts joined by dots."""
        arrays: dict[str, np.ndarray] = {}
        # Modules may refer to each other in a circle: each is visited once.
        waiting, visited = [("", self.data)], {id(self.data)}
        while waiting:
            prefix, module = waiting.pop()
            for name, value in module.attributes.items():
                if is_tensor(value):
                    arrays[f"{prefix}{name}"] = _array(value, self.elements)
                elif isinstance(value, Module) and id(value) not in visited:
                    visited.add(id(value))
                    waiting.append((f"{prefix}{name}.", value))
        return arrays


def is_tensor(value: Any) -> bool:
    """Whether a value of the data stands for a tensor."""
    return isinstance(value, TensorReference)


def read_zip(path: Path, file: mmap.mmap) -> TorchFile:
    """An archive of torch.save or of TorchScript. file: the same file, mapped.

    Errors: ValueError for a damaged or another file, `Refused` for more than data.
    """
    archive = open_archive(path, file)
    # Only TorchScript has constants and code, of which nothing is read here.
    script = "constants.pkl" in archive or archive.has_folder("code")
    if "byteorder" in archive and bytes(archive.view("byteorder")).strip() != b"little":
        raise ValueError("its numbers are big-endian: save it again on a little-endian machine")
    data = pickles.read(archive.pickle("data.pkl"), script=script)
    if script and not isinstance(data, Module):
        raise ValueError("it is a TorchScript archive that holds no module")
    form = "TorchScript archive" if script else "PyTorch archive"
    return TorchFile(form, data, _from_archive(archive))


def read_legacy(file: mmap.mmap) -> TorchFile:
    """A file from before PyTorch 1.6: pickles one after another, and then the elements.

    Errors: ValueError for a damaged or another file, `Refused` for more than data.
    """
    window = io.BytesIO(file[:_MOST_PICKLES])
    if pickles.read(window) != _LEGACY_MAGIC or pickles.read(window) != _LEGACY_VERSION:
        raise ValueError(
            "it is a pickle, but none of torch.save, whose magic number is missing: if you trust "
            "it, load it yourself, and save its arrays as tensors with torch.save or safetensors"
        )
    machine = pickles.read(window)
    if not isinstance(machine, dict) or not machine.get("little_endian", True):
        raise ValueError("its numbers are big-endian: save it again on a little-endian machine")
    # The description of the tensors, and the order in which their storages follow.
    data, keys = pickles.read(window), pickles.read(window)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("it has no list of its tensors: the file is damaged")
    elements = _from_legacy(file, window.tell(), keys, _storages(data))
    return TorchFile("PyTorch file from before 1.6", data, elements)


def _from_archive(archive: Archive) -> Elements:
    """The way to the elements in an archive, where each storage is a record."""

    def elements(storage: Storage) -> np.ndarray:
        dtype = np.dtype(_DTYPES[storage.type])
        view = archive.view(f"data/{storage.key}")
        if storage.count * dtype.itemsize > len(view):
            raise ValueError(
                f"its storage {storage.key} has {len(view)} bytes, expected "
                f"{storage.count * dtype.itemsize}: the file is damaged"
            )
        return np.frombuffer(view, dtype, storage.count)

    return elements


def _from_legacy(file: mmap.mmap, at: int, keys: list[str], types: dict[str, Storage]) -> Elements:
    """The way to the elements in a file from before 1.6, where they begin at the byte `at`.

    Storages follow each other in the order of `keys`: a count of 8 bytes, then the elements.
    """
    storages: dict[str, np.ndarray] = {}
    for key in keys:
        if key not in types:
            raise ValueError(f"its storage {key} belongs to no tensor: the file is damaged")
        dtype = np.dtype(_DTYPES[types[key].type])
        (count,) = struct.unpack("<q", file[at : at + 8]) if at + 8 <= len(file) else (-1,)
        if count != types[key].count or at + 8 + count * dtype.itemsize > len(file):
            raise ValueError(f"its storage {key} is cut off: get the file again")
        storages[key] = np.frombuffer(file, dtype, count, at + 8)
        at += 8 + count * dtype.itemsize

    def elements(storage: Storage) -> np.ndarray:
        if storage.key not in storages:
            raise ValueError(f"its storage {storage.key} is missing: the file is damaged")
        return storages[storage.key]

    return elements


def _storages(data: Any) -> dict[str, Storage]:
    """All storages that the data refers to, by their keys."""
    storages: dict[str, Storage] = {}
    # A pickle may name a container twice, or within itself: each is visited once.
    waiting, visited = [data], {id(data)}
    while waiting:
        value = waiting.pop()
        if isinstance(value, TensorReference):
            storages[value.storage.key] = value.storage
        items = value.values() if isinstance(value, dict) else value
        for item in items if isinstance(value, dict | list | tuple) else ():
            if id(item) not in visited:
                visited.add(id(item))
                waiting.append(item)
    return storages


def _array(tensor: TensorReference, elements: Elements) -> np.ndarray:
    """A view of the elements of a tensor. Errors: ValueError when they are not all in the file."""
    values = elements(tensor.storage)
    count = math.prod(tensor.size)
    if len(tensor.size) > _MOST_AXES or len(tensor.size) != len(tensor.stride):
        raise ValueError(f"a tensor of the shape {list(tensor.size[:9])}: no weights have such")
    # A buffer that nothing was written to; the last element below would be before the first.
    if count == 0:
        return np.zeros(0, values.dtype).reshape(tensor.size)
    # as_strided checks nothing: a view beyond the storage would read other memory of this process.
    steps = zip(tensor.size, tensor.stride, strict=True)
    last = tensor.offset + sum((n - 1) * step for n, step in steps)
    if last >= len(values) or count > len(values):
        raise ValueError(
            f"a tensor of the shape {list(tensor.size)} reaches beyond its storage of "
            f"{len(values)} elements: the file is damaged"
        )
    strides = [step * values.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(
        values[tensor.offset :], tensor.size, strides, writeable=False
    )
