"""What a compiled program keeps in memory at once, by XLA's own buffer assignment.

XLA hands the assignment over as a protocol buffer, `BufferAssignmentProto` of its file
xla/service/hlo.proto, of which no Python package has the classes: the few fields that are needed
are read here by their numbers.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ila_jax.cost.by_scope import part_of_operation, scopes_of

UNNAMED = "not named"  # by XLA: what a loop carries from round to round, and copies

_RESULT = re.compile(r"^\s*(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) [\w\-]+\(")
_ARRAY = re.compile(r"\w+\[[\d,]*\]")
# XLA's names of what numpy calls otherwise.
_DTYPES = {
    "float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16",
    "int32": "s32", "uint32": "u32", "uint8": "u8", "bool": "pred",
}  # fmt: skip
_VARINT, _LENGTH = 0, 2  # of the wire format's types, those that these messages have


@dataclass(frozen=True)
class Buffers:
    """Arrays of one shape that one part of the model made. size: bytes of all `count` together.

    shape: as XLA writes it, `f32[4,8,50,768]`. part: as `by_scope` names it; what the pass forward
    made has no "backward" in it, and so is kept for the pass backward.
    """

    part: str
    shape: str
    count: int
    size: int


def buffers_at_peak(compiled: Any) -> list[Buffers]:
    """What lies in a program's temporary memory when that is fullest, the largest first.

    compiled: of `jax.jit(…).lower(…).compile()`. Arguments and results are not among it. Empty
    where XLA does not tell.
    """
    account = compiled.memory_analysis()
    assignment = getattr(account, "serialized_buffer_assignment_proto", b"")
    modules = compiled.runtime_executable().hlo_modules()
    if not assignment or len(modules) != 1:
        return []
    names = _names(modules[0].as_serialized_hlo_module_proto())
    program = compiled.as_text()
    scopes, shapes = scopes_of(program), _shapes(program)
    counts: Counter[tuple[str, str]] = Counter()
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for size, instruction, index in _at_peak(assignment):
        name = names.get(instruction, "")
        part = part_of_operation(scopes[name]) if name in scopes else UNNAMED
        key = part, _shape(shapes.get(name, ()), index)
        counts[key] += 1
        sizes[key] += size
    grouped = [Buffers(*key, counts[key], size) for key, size in sizes.items()]
    return sorted(grouped, key=lambda buffers: -buffers.size)


def of_arrays(part: str, arrays: list[Any]) -> list[Buffers]:
    """Arrays that lie on devices, or their shapes, as what a part made. Keys do not count."""
    counts: Counter[tuple[str, int]] = Counter()
    for x in arrays:
        if x.dtype.name in _DTYPES:
            shape = x.sharding.shard_shape(x.shape)
            size = math.prod(shape) * x.dtype.itemsize
            counts[f"{_DTYPES[x.dtype.name]}[{','.join(map(str, shape))}]", size] += 1
    return [Buffers(part, shape, n, n * size) for (shape, size), n in counts.items()]


def _at_peak(assignment: bytes) -> Iterator[tuple[int, int, int]]:
    """Of each buffer: its bytes, the number of the instruction that makes it, and which result."""
    message = _fields(assignment)
    buffers = {_number(buffer, 1): buffer for buffer in map(_fields, message[1])}
    # Those for intermediates: of no thread (3), argument (5), result (7) or constant (12).
    temporary = {
        _number(allocation, 1)
        for allocation in map(_fields, message[3])
        if not any(_number(allocation, field) for field in (3, 5, 7, 12))
    }
    # What lies in each allocation when it is fullest, as packed numbers of buffers.
    for allocation in map(_fields, message[5]):
        if _number(allocation, 1) in temporary:
            for number in _packed(allocation[2]):
                place = _fields(buffers[number][3][0])
                yield _number(buffers[number], 2), _number(place, 4), next(_packed(place[3]), 0)


def _names(module: bytes) -> dict[int, str]:
    """Names of the instructions of an `HloModuleProto`, by their numbers."""
    return {
        _number(instruction, 35): instruction[1][0].decode()
        for computation in _fields(module)[3]
        for instruction in map(_fields, _fields(computation)[2])
    }


def _shapes(program: str) -> dict[str, tuple[str, ...]]:
    """Shapes of what each operation of a program makes; several where it makes several arrays."""
    lines = (_RESULT.match(line) for line in program.splitlines())
    return {match[1]: tuple(_ARRAY.findall(match[2])) for match in lines if match}


def _shape(shapes: tuple[str, ...], index: int) -> str:
    return shapes[index] if index < len(shapes) else "?"


def _fields(message: bytes) -> dict[int, list[Any]]:
    """The fields of a message by number: numbers as such, and everything else as bytes."""
    fields: dict[int, list[Any]] = defaultdict(list)
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            fields[tag >> 3].append(value)
            continue
        if kind == _LENGTH:
            size, at = _varint(message, at)
        else:
            size = 4 if kind == 5 else 8  # fixed32 and fixed64
        fields[tag >> 3].append(message[at : at + size])
        at += size
    return fields


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _number(fields: dict[int, list[Any]], field: int) -> int:
    """A field that holds one number; 0 is not written."""
    return int(fields[field][0]) if field in fields else 0


def _packed(values: list[Any]) -> Iterator[int]:
    """Numbers of a field that repeats: packed into bytes, or one by one."""
    for value in values:
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            yield number
