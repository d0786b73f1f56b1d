"""Reads and writes safetensors: eight bytes of length, a JSON header, one tensor after another.

Files are mapped for reading and written as a stream, both without the library of that name, which
need not be installed.
"""

import json
import math
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

_DTYPES: dict[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8,
    "BOOL": np.bool_,
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
_MOST_HEADER = 100_000_000  # the format's own limit
_ALIGNMENT = 8


def read_safetensors(file: mmap.mmap) -> dict[str, np.ndarray]:
    """The tensors of a mapped file, as views of it. Errors: ValueError when it is damaged."""
    length = struct.unpack("<Q", file[:8])[0] if len(file) >= 8 else 0
    start = 8 + length
    if not 2 <= length <= _MOST_HEADER or start > len(file):
        raise ValueError("it is cut off within its header: get it again and compare its size")
    try:
        header = json.loads(file[8:start])
        # The format's one key that is no tensor.
        entries = {n: _entry(v) for n, v in header.items() if n != "__metadata__"}
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"its header is no list of tensors ({error}): get it again") from error
    # Each must begin where the one before ends, so that no byte is in two tensors, or in none.
    end = 0
    for name, (dtype, shape, first, last) in sorted(entries.items(), key=lambda e: e[1][2:]):
        if first != end or last - first != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"its tensor {name} does not lie where its shape says: it is damaged")
        end = last
    if start + end != len(file):
        raise ValueError(
            f"it has {len(file)} bytes, expected {start + end}: it is cut off or damaged, get it "
            "again"
        )
    return {
        name: np.frombuffer(file, dtype, math.prod(shape), start + first).reshape(shape)
        for name, (dtype, shape, first, _) in entries.items()
    }


def _entry(value: Mapping[str, Any]) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """The dtype and the shape of a tensor, and its first byte and the one behind its last.

    Bytes count from the end of the header. Errors: ValueError, and others for a wrong structure.
    """
    shape, (first, last) = tuple(value["shape"]), value["data_offsets"]
    if not all(type(n) is int and n >= 0 for n in (*shape, first, last)):
        raise ValueError("a shape or an offset is no count")
    if value["dtype"] not in _DTYPES:
        raise ValueError(f"numbers of the type {value['dtype']}, expected {', '.join(_DTYPES)}")
    return np.dtype(_DTYPES[value["dtype"]]), shape, first, last


def write_safetensors(path: Path, state: Mapping[str, Any], *, form: str = "pt") -> None:
    """Writes arrays by name, in their order; also those on a device. Errors: OSError.

    form: whose names and layouts these are, by which other readers know them; pt is PyTorch's.
    """
    header: dict[str, Any] = {"__metadata__": {"format": form}}
    at = 0
    for name, array in state.items():
        header[name] = {
            "dtype": _NAMES[np.dtype(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header).encode()
    # Spaces, which JSON allows, so that the first tensor is aligned.
    text += b" " * (-len(text) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for array in state.values():
            file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
