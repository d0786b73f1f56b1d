"""Reads pickles as plain data, by a small machine of our own that can call nothing.

`pickle` runs whatever a file names. Here a name is only a name: a fixed list of them stands for
containers, tensors and configuration nodes (`pickle_names`), and any other is refused with a
message.

A pickle is a program of one-byte instructions for a machine with a stack and a memo. Python's own
`pickletools` splits it into instructions and arguments, and runs none of them; the tables at the
end of this file say what each of them does here.
"""

import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

from ila_jax.weights.foreign.pickle_names import (
    CALLS,
    SCRIPT_CALLS,
    SCRIPT_CLASSES,
    STORAGES,
    VALUES,
    Module,
    Name,
    Opaque,
    Refused,
    Storage,
    checked_key,
    counts,
)


def read(file: BinaryIO, *, script: bool = False) -> Any:
    """The data of one pickle. The file is left just after it.

    script: whether it is from a TorchScript archive, whose own classes become `Module`.
    Errors: Refused naming the first class that is no data; ValueError when it is damaged.
    """
    machine = _Machine(script)
    try:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except Refused:
        raise
    # Errors that a malformed pickle causes on our stack and memo.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise ValueError(f"the pickle in it is damaged ({error}): get the file again") from error
    raise ValueError("the pickle in it has no end: the file is cut off, get it again")


class _Mark:
    """Stands on the stack where the items of a list, a dict or a tuple begin."""


class _Machine:
    """The stack and the memo of a pickle.

    memo: values by the numbers under which later instructions get them.
    """

    def __init__(self, script: bool):
        self.script = script
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Does one instruction. Errors: `Refused` for one that no file of weights needs."""
        if name in _PUSHES:
            self.stack.append(_PUSHES[name]())
        elif name in _LITERALS:
            self.stack.append(argument)
        elif name in _STEPS:
            _STEPS[name](self, argument)
        # The version of the format, and the lengths of its blocks, need nothing to be done.
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"it uses the pickle instruction {name}, which no file of weights needs")

    def pop(self) -> Any:
        """Takes the topmost value."""
        value = self.stack.pop()
        if isinstance(value, _Mark):
            raise ValueError("a value is missing")
        return value

    def to_mark(self) -> list[Any]:
        """Takes all values above the topmost mark, and the mark; the lowest comes first."""
        items: list[Any] = []
        while not isinstance(item := self.stack.pop(), _Mark):
            items.append(item)
        return items[::-1]

    def put(self, at: Any = None) -> None:
        """Remembers the topmost value, under a number or the next one."""
        self.memo[len(self.memo) if at is None else int(at)] = self.stack[-1]

    def get(self, at: Any) -> None:
        """Puts a remembered value onto the stack."""
        self.stack.append(self.memo[int(at)])

    def name(self, module: str, name: str) -> None:
        """Puts a name onto the stack. Errors: `Refused` for one that is on no list."""
        full = f"{module}.{name}"
        # By the exact name: a prefix such as "torch." would let functions in that open files.
        allowed = full in CALLS or full in VALUES
        if self.script:
            allowed |= full.startswith(SCRIPT_CLASSES) or full in SCRIPT_CALLS
        if not allowed:
            raise Refused(
                f"it wants to load {full}, which is neither a tensor nor a plain container; "
                "nothing of it was run. If you trust the file, load it in PyTorch yourself and "
                "save its state dict with torch.save(model.state_dict(), FILE) or as safetensors"
            )
        self.stack.append(Name(module, name))

    def stack_name(self) -> None:
        """The same for a module and a name that lie on the stack."""
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise ValueError("a class whose name is no text")
        self.name(module, name)

    def call(self) -> None:
        """Puts what stands for a call of a name, or for a new object of it, onto the stack."""
        arguments, function = self.pop(), self.pop()
        # A name was checked when it was put onto the stack; what it may do is checked here.
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise Refused("it calls something that is no name: no file of weights does")
        full = str(function)
        if self.script and full.startswith(SCRIPT_CLASSES):
            self.stack.append(Module())
        elif full in CALLS:
            self.stack.append(CALLS[full](*arguments))
        elif self.script and full in SCRIPT_CALLS:
            self.stack.append(SCRIPT_CALLS[full](*arguments))
        else:
            raise Refused(f"it calls {full}, which is a type of numbers")

    def build(self) -> None:
        """Sets the attributes of the topmost value.

        They are kept of a TorchScript object, and dropped of a dict: state dicts have `_metadata`.
        """
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Module) and isinstance(state, dict):
            target.attributes.update(state)
        elif not isinstance(target, dict | Opaque):
            raise Refused(f"it sets attributes of {type(target).__name__}: no file of weights does")

    def append(self, items: list[Any]) -> None:
        """Adds items to the list that is topmost."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("items for something that is no list")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Adds keys and values, in turn, to the dict that is topmost."""
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("items for something that is no dict")
        target.update((checked_key(k), v) for k, v in zip(items[::2], items[1::2], strict=True))

    def storage(self) -> None:
        """Puts the storage that a persistent id describes onto the stack.

        PyTorch writes ("storage", type, key, device, number of elements, view).
        """
        identifier = self.pop()
        if not (
            isinstance(identifier, tuple) and len(identifier) >= 5 and identifier[0] == "storage"
        ):
            raise Refused("it refers to something outside that is no storage of a tensor")
        kind, key, _, count = identifier[1:5]
        if not isinstance(kind, Name) or kind.name not in STORAGES or kind.module != "torch":
            raise ValueError("a storage of a type that is not PyTorch's")
        if not isinstance(key, str | int):
            raise ValueError("a storage whose key is no text")
        if len(identifier) > 5 and identifier[5] is not None:
            raise ValueError("a storage that is part of another, as PyTorch before 0.4 wrote them")
        (elements,) = counts((count,))
        self.stack.append(Storage(kind.name, str(key), elements))

    def tuple_of(self, count: int) -> None:
        """Makes a tuple of the topmost values."""
        items = [self.pop() for _ in range(count)]
        self.stack.append(tuple(items[::-1]))

    def drop_to_mark(self) -> None:
        """Takes all values above the topmost mark, and keeps none."""
        self.to_mark()


# Instructions that put a new value onto the stack. Sets become lists, whose items need no hash.
_PUSHES: dict[str, Callable[[], Any]] = {
    "MARK": _Mark, "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list, "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
# Instructions whose argument is the value.
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
# All others. What is not here, such as INST, OBJ and EXT1, is refused.
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "POP": lambda m, _: m.stack.pop() and None,
    "POP_MARK": lambda m, _: m.drop_to_mark(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "PUT": lambda m, a: m.put(a), "BINPUT": lambda m, a: m.put(a),
    "LONG_BINPUT": lambda m, a: m.put(a), "MEMOIZE": lambda m, _: m.put(),
    "GET": lambda m, a: m.get(a), "BINGET": lambda m, a: m.get(a),
    "LONG_BINGET": lambda m, a: m.get(a),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.to_mark())),
    "TUPLE1": lambda m, _: m.tuple_of(1), "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "LIST": lambda m, _: m.stack.append(m.to_mark()),
    "FROZENSET": lambda m, _: m.stack.append(tuple(m.to_mark())),
    "APPEND": lambda m, _: m.append([m.pop()]),
    "APPENDS": lambda m, _: m.append(m.to_mark()),
    "ADDITEMS": lambda m, _: m.append(m.to_mark()),
    "SETITEM": lambda m, _: m.set_items([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, _: m.set_items(m.to_mark()),
    "GLOBAL": lambda m, a: m.name(*a.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.stack_name(),
    "REDUCE": lambda m, _: m.call(), "NEWOBJ": lambda m, _: m.call(),
    "BUILD": lambda m, _: m.build(), "BINPERSID": lambda m, _: m.storage(),
}  # fmt: skip
