"""Rules that map names of foreign tensors to paths of ours, and a strict way to apply them.

A rule's templates hold `{0}`, `{1}`, … where a number stands. Every source name matches exactly one
rule or is waived by name; every path of ours is filled exactly once; all failures come together.
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.models.model import Variables
from ila_jax.weights.foreign.names.layouts import Layout


@dataclass(frozen=True)
class Rule:
    """source: a foreign name. target: a path of ours, joined by "/". layout: between them."""

    source: str
    target: str
    layout: Layout

    def match(self, name: str) -> str | None:
        """The path that a foreign name goes to, or None."""
        return _translate(self.source, self.target, name)

    def inverse(self, path: str) -> str | None:
        """The foreign name that a path of ours comes from, or None."""
        return _translate(self.target, self.source, path)


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\d\\\}", r"(\\d+)", re.escape(template)))


def _translate(source: str, target: str, name: str) -> str | None:
    found = _pattern(source).fullmatch(name)
    return target.format(*found.groups()) if found else None


def convert(
    state: Mapping[str, np.ndarray],
    rules: Sequence[Rule],
    expected: Variables,
    *,
    waived: Sequence[str] = (),
) -> Variables:
    """Foreign tensors as our variables, in the dtypes of `expected`.

    waived: patterns of names that hold nothing we keep.
    Errors: ValueError listing every tensor that is missing, unknown or of another shape.
    """
    want = _flat(expected)
    made: dict[str, np.ndarray] = {}
    problems: list[str] = []
    for name, value in state.items():
        if is_waived(name, waived):
            continue
        rule, path = _only_match(name, rules)
        if rule is None or path not in want:
            problems.append(f"unknown: {name} {_shape(value)}, which this model has no place for")
            continue
        array = np.asarray(value)
        wanted = rule.layout.to_torch(np.empty(want[path].shape, np.bool_)).shape
        if array.shape != wanted:
            problems.append(f"shape: {name} is {list(array.shape)}, expected {list(wanted)}")
        else:
            made[path] = rule.layout.to_jax(array).astype(want[path].dtype, copy=False)
        want.pop(path)
    problems += [f"missing: {_source_of(path, rules)}" for path in want]
    if problems:
        raise ValueError(_report(problems))
    return _unflat(made, expected)


def is_waived(name: str, waived: Sequence[str]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in waived)


def _only_match(name: str, rules: Iterable[Rule]) -> tuple[Rule | None, str]:
    found = [(rule, path) for rule in rules if (path := rule.match(name)) is not None]
    if len(found) > 1:
        raise AssertionError(f"{name} matches {len(found)} rules: {[r.source for r, _ in found]}")
    return found[0] if found else (None, "")


def _source_of(path: str, rules: Iterable[Rule]) -> str:
    names = (rule.inverse(path) for rule in rules)
    return next((name for name in names if name is not None), path)


def _shape(value: np.ndarray) -> list[int]:
    return list(np.shape(value))


def _report(problems: list[str]) -> str:
    return (
        f"the weights do not fit the model, {len(problems)} tensor(s) are wrong:\n  "
        + "\n  ".join(sorted(problems))
        + "\nCheck that the file is whole and is of the model that its names say."
    )


def _flat(variables: Variables) -> dict:
    """All variables by path; parameters and statistics never share one."""
    return {
        **flatten_dict(variables.params, sep="/"),
        **flatten_dict(variables.batch_stats, sep="/"),
    }


def _unflat(made: dict[str, np.ndarray], expected: Variables) -> Variables:
    params, stats = (flatten_dict(tree, sep="/") for tree in expected)
    return Variables(
        unflatten_dict({path: made[path] for path in params}, sep="/"),
        unflatten_dict({path: made[path] for path in stats}, sep="/"),
    )
