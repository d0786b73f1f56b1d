"""Which entry of a checkpoint holds the weights: told by the names in it, whatever it is called."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ila_jax.weights.foreign.names.prefixes import OF_TRAINING, prefixes
from ila_jax.weights.foreign.torch_files import is_tensor

_DEEPEST = 4


def find(data: Mapping[Any, Any], wanted: str | None = None) -> str:
    """The path of the entry whose tensors have a model's names, joined by "/"; "" is `data`.

    wanted: the path where several fit. Where none does, that with the most tensors.
    Errors: ValueError naming the entries, when several fit or there is not the one wanted.
    """
    entries = dict(_entries(data))
    if wanted is not None:
        if wanted not in entries:
            there = ", ".join(path for path in entries if path) or "none"
            raise ValueError(f"it has no entry {wanted} with tensors; entries with some: {there}")
        return wanted
    models = _models(data)
    if len(models) > 1:
        raise ValueError(
            f"it holds {len(models)} models, in its entries {', '.join(models)}: choose one by "
            f"--entry {models[0] or models[1]}"
        )
    return models[0] if models else max(entries, key=lambda path: len(entries[path]), default="")


def beside(data: Mapping[Any, Any], path: str) -> dict[str, str]:
    """The entries that are not that of the path, and why each is left."""
    others = {model.split("/")[0]: model for model in _models(data) if model != path}
    names = [str(name) for name in data if path and str(name) != path.split("/")[0]]
    return {
        name: f"another model, which --entry {others[name]} takes"
        if name in others
        else OF_TRAINING
        for name in names
    }


def _models(data: Mapping[Any, Any]) -> list[str]:
    return [path for path, names in _entries(data) if prefixes(names)]


def parts(wanted: str | None) -> tuple[str | None, str | None]:
    """The entry and the prefix in what was asked for: `ENTRY`, `PREFIX.` or `ENTRY/PREFIX.`."""
    if wanted is None or not wanted.endswith("."):
        return wanted, None
    entry, _, prefix = wanted.rpartition("/")
    return entry or None, prefix


def at(data: Mapping[Any, Any], path: str) -> Mapping[Any, Any]:
    """The entry of a path."""
    for key in path.split("/") if path else ():
        data = next(value for name, value in data.items() if str(name) == key)
    return data


def _entries(data: Mapping[Any, Any]) -> Iterator[tuple[str, Collection[str]]]:
    """Every dict that holds tensors, with their names; each dict once, however often named."""
    waiting, seen = [("", data)], {id(data)}
    while waiting:
        path, entry = waiting.pop(0)
        names = [str(name) for name, value in entry.items() if is_tensor(value)]
        if names:
            yield path, names
        for name, value in entry.items():
            inner = f"{path}/{name}" if path else str(name)
            if isinstance(value, dict) and id(value) not in seen and inner.count("/") < _DEEPEST:
                seen.add(id(value))
                waiting.append((inner, value))
