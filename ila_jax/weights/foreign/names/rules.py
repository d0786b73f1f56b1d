"""Maps names of foreign tensors to paths of ours by rules, and applies these strictly.

A rule's templates hold `{0}`, `{1}`, … where a number stands. Every source name matches exactly one
rule or is waived by name, and every path of ours is filled exactly once. All failures are collected
and reported together: a wrong model is recognised by the list, where the first line says little.
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ila_jax.models.model import Variables
from ila_jax.models.paths import by_path, from_paths
from ila_jax.weights.foreign.names.layouts import Layout


@dataclass(frozen=True)
class Rule:
    """A row of a table: a foreign name, a path of ours joined by "/", and how to move between."""

    source: str
    target: str
    layout: Layout

    def match(self, name: str) -> str | None:
        """The path that a foreign name leads to, or None where the rule is for another name."""
        return _translate(self.source, self.target, name)

    def inverse(self, path: str) -> str | None:
        """The foreign name that leads to a path of ours, or None where the rule is for another."""
        return _translate(self.target, self.source, path)


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    # Names have dots, so that they are escaped first, and the braces of numbers found after it.
    return re.compile(re.sub(r"\\\{\d\\\}", r"(\\d+)", re.escape(template)))


def _translate(source: str, target: str, name: str) -> str | None:
    match = _pattern(source).fullmatch(name)
    return target.format(*match.groups()) if match else None


def convert(
    state: Mapping[str, np.ndarray],
    rules: Sequence[Rule],
    expected: Variables,
    *,
    waived: Sequence[str] = (),
) -> Variables:
    """Foreign tensors as our variables, in the shapes and dtypes of `expected`.

    waived: patterns of names that hold nothing we keep.
    Errors: ValueError listing every tensor that is missing, unknown or of another shape.
    """
    unfilled = flat(expected)
    arrays: dict[str, np.ndarray] = {}
    problems: list[str] = []
    for name, value in state.items():
        if is_waived(name, waived):
            continue
        rule, path = _only_match(name, rules)
        if rule is None or path not in unfilled:
            problems.append(f"unknown: {name} {_shape(value)}, which this model has no place for")
            continue
        array = np.asarray(value)
        # Taken out even where the shape is wrong: it is not missing as well.
        leaf = unfilled.pop(path)
        # Undoing the layout gives the shape that the file must have, in the order of axes that it
        # has.
        shape = rule.layout.to_torch(np.empty(leaf.shape, np.bool_)).shape
        if array.shape != shape:
            problems.append(f"shape: {name} is {list(array.shape)}, expected {list(shape)}")
        else:
            # Float32 stays a view of the mapped file, and costs no memory until it is used.
            arrays[path] = rule.layout.to_jax(array).astype(leaf.dtype, copy=False)
    problems += [f"missing: {_source_of(path, rules)}" for path in unfilled]
    if problems:
        raise ValueError(_report(problems))
    return _unflat(arrays, expected)


def is_waived(name: str, waived: Sequence[str]) -> bool:
    """Whether a name matches one of the patterns of names that hold nothing we keep."""
    return any(re.fullmatch(pattern, name) for pattern in waived)


def _only_match(name: str, rules: Iterable[Rule]) -> tuple[Rule | None, str]:
    matches = [(rule, path) for rule in rules if (path := rule.match(name)) is not None]
    # No file can cause this: two rules of a table have the same name.
    if len(matches) > 1:
        sources = [rule.source for rule, _ in matches]
        raise AssertionError(f"{name} matches {len(matches)} rules: {sources}")
    return matches[0] if matches else (None, "")


def _source_of(path: str, rules: Iterable[Rule]) -> str:
    """The foreign name of a path of ours; the path itself where no rule has it."""
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


def flat(variables: Variables) -> dict[str, Any]:
    """The arrays of variables by their paths, joined by "/".

    Parameters and running statistics are in one dict, as no path is in both.
    """
    return {
        **by_path(variables.params),
        **by_path(variables.batch_stats),
    }


def _unflat(arrays: dict[str, np.ndarray], expected: Variables) -> Variables:
    """Undoes `flat`, with the same paths in each tree as in `expected`."""
    params, stats = (by_path(tree) for tree in expected)
    return Variables(
        from_paths({path: arrays[path] for path in params}),
        from_paths({path: arrays[path] for path in stats}),
    )
