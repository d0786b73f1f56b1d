"""Lists what a pickle of weights may name, and the plain data that stands for each name.

Nothing is looked up by these names: they are compared with the lists here, and a name that is on
no list is refused. To let a new kind of checkpoint be read, add the exact name of what it holds,
with a function that makes plain data of the arguments, or with `_opaque` where nobody needs the
value.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names. It stays a name, and is never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Storage:
    """Where the elements of tensors are.

    type: PyTorch's name for the elements' type, such as FloatStorage. key: the record in the file.
    count: the number of elements.
    """

    type: str
    key: str
    count: int


@dataclass(frozen=True)
class TensorReference:
    """A tensor: a view of a storage, with offset, sizes and strides in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass
class Module:
    """An object of a TorchScript archive: its attributes, by name."""

    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Opaque:
    """A value that nobody needs, such as a numpy scalar in a log."""

    what: str


class Refused(ValueError):
    """The error for a file that asks for more than data: to get it again would not help."""


def counts(values: Any) -> tuple[int, ...]:
    """Sizes, strides or offsets as a file gives them. Errors: ValueError for what cannot be one."""
    # `type`, since True is a number of Python's; negative strides would reach before the storage.
    if not all(type(v) is int and v >= 0 for v in values):
        raise ValueError("a tensor's sizes and strides must be counts")
    return tuple(values)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> TensorReference:
    """Stands for `torch._utils._rebuild_tensor_v2`, whose other arguments are about gradients."""
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    (start,) = counts((offset,))
    return TensorReference(storage, start, counts(size), counts(stride))


def _first(value: Any, *_: Any) -> Any:
    """Stands for what wraps a value, such as a parameter around its tensor."""
    return value


def _dict(items: Any = (), *_: Any) -> dict[Any, Any]:
    """Stands for every kind of dict."""
    return {checked_key(key): value for key, value in items}


def _opaque(name: str) -> Callable[..., Opaque]:
    return lambda *_: Opaque(name)


_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
_LIGHTNING = (
    "pytorch_lightning.utilities.parsing",
    "lightning.pytorch.utilities.parsing",
    "lightning_fabric.utilities.data",
    "lightning.fabric.utilities.data",
)
# What a pickle may call, by its exact name, and what happens instead.
_CONTAINERS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _dict,
    "collections.Counter": lambda counts=(), *_: dict(counts),
    "collections.defaultdict": lambda *_: {},
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch.Size": lambda sizes=(), *_: tuple(sizes),
    "torch.device": lambda *_: None,
    "numpy.dtype": _opaque("numpy.dtype"),
    "numpy.core.multiarray.scalar": _opaque("numpy scalar"),
    "numpy._core.multiarray.scalar": _opaque("numpy scalar"),
    "_codecs.encode": _opaque("bytes"),
    # Arguments, paths and arrays that a training saves with its model: nobody reads them here.
    "argparse.Namespace": _opaque("arguments"),
    **{f"pathlib.{kind}": _opaque("a path") for kind in _PATHS},
    **{f"pathlib._local.{kind}": _opaque("a path") for kind in _PATHS},
    **{
        f"numpy.{core}.{name}": _opaque("an array of NumPy")
        for core in ("core", "_core")
        for name in ("multiarray._reconstruct", "numeric._frombuffer")
    },
    # Settings of PyTorch Lightning, a dict whose keys are attributes.
    **{f"{module}.AttributeDict": _dict for module in _LIGHTNING},
    "torch._utils._rebuild_parameter_with_state": _first,
    # The released checkpoints carry their configuration: a dict with attributes, read as a dict.
    "yacs.config.CfgNode": _dict,
}
# Sets become tuples, whose items need no hash.
CALLS = _CONTAINERS | {
    f"{m}.{n}": tuple for m in ("builtins", "__builtin__") for n in ("set", "frozenset")
}
# Named without being called: types of storages and of numbers.
STORAGES = {
    f"{kind}Storage"
    for kind in (
        "Double",
        "Float",
        "Half",
        "BFloat16",
        "Long",
        "Int",
        "Short",
        "Char",
        "Byte",
        "Bool",
    )
}
_NUMBERS = (
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
)  # fmt: skip
VALUES = (
    {f"torch.{name}" for name in (*STORAGES, *_NUMBERS)}
    | {"numpy.ndarray"}
    | {
        f"{module}.{name}"
        for module in ("builtins", "__builtin__")
        for name in ("int", "float", "list", "dict", "str")
    }
)
# Of a TorchScript archive alone: its own classes are objects with attributes.
SCRIPT_CLASSES = "__torch__."
SCRIPT_CALLS: dict[str, Callable[..., Any]] = {
    f"torch.jit._pickle.{name}": _first
    for name in ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist",
                 "restore_type_tag")
}  # fmt: skip


def checked_key(key: Any) -> Any:
    """A key of a dict. Errors: ValueError for what is no text or number, as it may have no hash."""
    if not isinstance(key, str | int | float | bytes | None):
        raise ValueError(f"a key that is no text or number but {type(key).__name__}")
    return key
