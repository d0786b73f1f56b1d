"""Finds the entry of a checkpoint that holds the weights, by the names of the tensors in it.

A checkpoint is a dict with other dicts in it, of the model, its averages, the optimizer. A path
leads to one of them: the keys, joined by "/". The path "" is the checkpoint itself.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ila_jax.weights.foreign.names.prefixes import OF_TRAINING, prefixes
from ila_jax.weights.foreign.torch_files import is_tensor

_DEEPEST = 4  # levels that are searched; trainings put their model one or two deep


def find(data: Mapping[Any, Any], wanted: str | None = None) -> str:
    """The path of the entry whose tensors have a model's names.

    wanted: the path to take, where several have. Where none has, the entry with the most tensors is
    taken, so that what is wrong with its names is reported later.
    Errors: ValueError naming the entries, when several fit or there is not the one wanted.
    """
    entries = dict(_entries(data))
    if wanted is not None:
        if wanted not in entries:
            paths = ", ".join(path for path in entries if path) or "none"
            raise ValueError(f"it has no entry {wanted} with tensors; entries with some: {paths}")
        return wanted
    models = _models(data)
    if len(models) > 1:
        raise ValueError(
            f"it holds {len(models)} models, in its entries {', '.join(models)}: choose one by "
            f"--entry {models[0] or models[1]}"
        )
    return models[0] if models else max(entries, key=lambda path: len(entries[path]), default="")


def skipped_entries(data: Mapping[Any, Any], path: str) -> dict[str, str]:
    """The entries other than the one at a path, and why each of them is not taken."""
    # The path "" takes everything, so that no entry is left over.
    others = {model.split("/")[0]: model for model in _models(data) if model != path}
    names = [str(name) for name in data if path and str(name) != path.split("/")[0]]
    return {
        name: f"another model, which --entry {others[name]} takes"
        if name in others
        else OF_TRAINING
        for name in names
    }


def _models(data: Mapping[Any, Any]) -> list[str]:
    """The paths of all entries that have the names of a model."""
    return [path for path, names in _entries(data) if prefixes(names)]


def parts(wanted: str | None) -> tuple[str | None, str | None]:
    """The entry and the prefix in what was asked for: `ENTRY`, `PREFIX.` or `ENTRY/PREFIX.`.

    A prefix is recognised by the dot that it ends with.
    """
    if wanted is None or not wanted.endswith("."):
        return wanted, None
    entry, _, prefix = wanted.rpartition("/")
    return entry or None, prefix


def at(data: Mapping[Any, Any], path: str) -> Mapping[Any, Any]:
    """The entry at a path, which is one of those that `find` gives."""
    for key in path.split("/") if path else ():
        # Keys may be numbers, which have a text as well.
        data = next(value for name, value in data.items() if str(name) == key)
    return data


def _entries(data: Mapping[Any, Any]) -> Iterator[tuple[str, Collection[str]]]:
    """The path of every dict that holds tensors, with their names, from the outside in."""
    # A pickle may name a dict twice, or within itself: each is visited once.
    waiting, visited = [("", data)], {id(data)}
    while waiting:
        path, entry = waiting.pop(0)
        names = [str(name) for name, value in entry.items() if is_tensor(value)]
        if names:
            yield path, names
        for name, value in entry.items():
            inner = f"{path}/{name}" if path else str(name)
            if isinstance(value, dict) and id(value) not in visited and inner.count("/") < _DEEPEST:
                visited.add(id(value))
                waiting.append((inner, value))
