"""From the mapping that a config file returns to checked dataclasses, and back."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ila_jax.config.checks import impossible
from ila_jax.config.model import ModelConfig
from ila_jax.config.sections import Config


def from_config(config: Mapping[str, Any]) -> Config:
    """Builds and checks a run from the mapping that a config file returns.

    Errors: ValueError that lists every unknown, missing, mistyped or impossible value at once.
    """
    problems: list[str] = []
    sections = _values(Config, config, "", problems)
    # Also when something is mistyped already: a user wants to hear of everything at once.
    problems += impossible(sections)
    if problems:
        raise ValueError("the configuration cannot be used:\n  " + "\n  ".join(problems))
    return Config(**sections)


def to_dict(config: Config | ModelConfig) -> dict[str, Any]:
    """The plain nested dict of a config, as JSON holds it; `from_config` takes a run's back."""
    return dataclasses.asdict(config)


def model_from_dict(values: Mapping[str, Any]) -> ModelConfig:
    """The way back of `to_dict` for a model alone. Errors: ValueError listing what does not fit."""
    problems: list[str] = []
    built: ModelConfig = _build(ModelConfig, values, "", problems)
    if problems:
        raise ValueError("no model configuration:\n  " + "\n  ".join(problems))
    return built


def differences(one: Config | ModelConfig, other: Config | ModelConfig) -> list[str]:
    """The keys whose values differ, as `key: value of one, value of other`, in the keys' order."""
    left, right = _flat(to_dict(one)), _flat(to_dict(other))
    return [
        f"{key}: {left.get(key)!r}, {right.get(key)!r}"
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out


def _build(cls: Any, values: Mapping[str, Any], prefix: str, problems: list[str]) -> Any:
    """One dataclass, or None when a value of it does not fit."""
    # Problems of its own values, not of the sections before it.
    before = len(problems)
    out = _values(cls, values, prefix, problems)
    if len(problems) > before:
        return None
    try:
        return cls(**out)
    except ValueError as error:  # of the class's own checks
        problems.append(f"{prefix.rstrip('.')}: {error}")
        return None


def _values(
    cls: Any, values: Mapping[str, Any], prefix: str, problems: list[str]
) -> dict[str, Any]:
    """The arguments for a dataclass by name, None where one does not fit.

    A key that is missing takes the default of its field, if there is one: so the configurations of
    earlier versions still load. A key that no field has is a problem, as it would change nothing.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(fields)}"
            problems.append(f"{prefix}{key}: no such key, {hint}")
    out = {}
    for name, field in fields.items():
        if name in values:
            out[name] = _value(hints[name], values[name], prefix + name, problems)
        elif field.default is dataclasses.MISSING:
            problems.append(f"{prefix}{name}: missing")
    return out


def _value(hint: Any, value: Any, key: str, problems: list[str]) -> Any:
    """One value, converted to what its annotation says; appends to `problems` if it cannot be."""
    origin = typing.get_origin(hint)
    # The only unions are X | None.
    if isinstance(hint, types.UnionType):
        inner = next(a for a in typing.get_args(hint) if a is not type(None))
        return None if value is None else _value(inner, value, key, problems)
    # The order matters: a section is a Mapping, and a Literal may hold any value.
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return _build(hint, value, key + ".", problems)
    if origin is Literal and value in typing.get_args(hint):
        return value
    # Lists are taken for tuples, as JSON has no tuples: config.json of a run is read by this too.
    if origin is tuple and _is_floats(hint, value):
        return tuple(float(v) for v in value)
    if hint == tuple[str, ...] and isinstance(value, list | tuple) and _are_texts(value):
        return tuple(value)
    # A whole number is fine where a float is meant: `--config.train.ema=0`.
    if hint is float and _is_number(value):
        return float(value)
    # By its exact type: True is an int to isinstance.
    if hint in (int, str, bool) and type(value) is hint:
        return value
    problems.append(f"{key}: expected {_words(hint)}, found {value!r}")
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_floats(hint: Any, value: Any) -> bool:
    """Whether a value is of `tuple[float, ...]`, or of as many floats as the annotation has."""
    inner = typing.get_args(hint)
    if float not in inner:
        return False
    long_enough = isinstance(value, list | tuple) and (... in inner or len(value) == len(inner))
    return long_enough and all(map(_is_number, value))


def _words(hint: Any) -> str:
    """What an annotation asks for, for people."""
    if typing.get_origin(hint) is Literal:
        return ", ".join(map(repr, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)
        if str in inner:
            return "texts in parentheses"
        return "numbers in parentheses" if ... in inner else f"{len(inner)} numbers"
    return "a section of keys" if dataclasses.is_dataclass(hint) else hint.__name__
