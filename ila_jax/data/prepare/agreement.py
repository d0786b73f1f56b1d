"""What a folder of prepared videos was begun with: another source or setting is refused."""

import json
from typing import Any

from etils import epath

from ila_jax.data.sources.fingerprint import prepared_fingerprint
from ila_jax.data.sources.prepared_layout import SETTINGS
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.files.json_files import json_text
from ila_jax.files.publish import PARTIAL, publish_bytes

_FORMAT = 1  # of the folder: raise it whenever the same source and settings give other files


def settings(
    encoding: dict[str, Any], clips_per_shard: int, names: tuple[str, ...]
) -> dict[str, Any]:
    """What all splits of a folder share, as its JSON holds it. names: of the classes."""
    return {
        "format": _FORMAT,
        **encoding,
        "clips_per_shard": clips_per_shard,
        "class_names": list(names),
    }


def split_facts(opened: OpenedSplit) -> dict[str, Any]:
    """What makes a split: how many videos, and a hash of their ids and labels."""
    digest = prepared_fingerprint(opened.all_ids(), opened.source.labels)
    return {"videos": len(opened.source), "sha256": digest}


def begun_class_names(directory: epath.Path) -> tuple[str, ...] | None:
    """The class names of the splits that a folder holds already; None for a new folder.

    Errors: ValueError where the folder's settings are damaged.
    """
    path = directory / SETTINGS
    return tuple(_read(path)["settings"]["class_names"]) if path.exists() else None


def agree(directory: epath.Path, wanted: dict[str, Any], splits: dict[str, Any]) -> None:
    """Writes down what a folder is begun with, or checks that it was begun with the same.

    wanted: the `settings`. splits: the `split_facts` of each split. Splits that the folder holds
    beside these stay. Errors: ValueError that says what differs; OSError.
    """
    path = directory / SETTINGS
    if not path.exists():
        _check_empty(directory)
        begun: dict[str, Any] = {"settings": wanted, "splits": {}}
    else:
        begun = _read(path)
        _check_same(directory, begun["settings"], wanted)
        for split in splits.keys() & begun["splits"].keys():
            if splits[split] != begun["splits"][split]:
                was, now = begun["splits"][split]["videos"], splits[split]["videos"]
                raise ValueError(
                    f"{directory} holds the split {split} of another source ({was} videos; now "
                    f"{now}, or other ids or labels): name the source it was begun with, or "
                    "another folder"
                )
    # Before any shard is written, so that a folder with shards always says what they are of.
    both = {"settings": wanted, "splits": begun["splits"] | splits}
    if both != begun or not path.exists():
        publish_bytes(path, json_text(both, indent=1).encode())


def _read(path: epath.Path) -> dict[str, Any]:
    """The settings and splits that a folder was begun with. Errors: ValueError."""
    try:
        begun = json.loads(path.read_bytes())
        return {"settings": dict(begun["settings"]), "splits": dict(begun["splits"])}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is damaged: name another folder, or delete this one") from None


def _check_empty(directory: epath.Path) -> None:
    """Errors: ValueError for a folder that holds what is not of prepared videos."""
    if not directory.exists():
        return  # object stores have no empty folders
    # A process that was killed while it began the folder may have left a partial file.
    others = [p.name for p in directory.iterdir() if not p.name.startswith(PARTIAL)]
    if others:
        raise ValueError(
            f"{directory} holds other things ({', '.join(sorted(others)[:3])}): name a folder that "
            "is empty or does not exist"
        )


def _check_same(directory: epath.Path, begun: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Errors: ValueError that names the settings which differ."""
    differ = [
        f"{key} is {_short(begun.get(key))} there, {_short(wanted.get(key))} now"
        for key in sorted(begun.keys() | wanted.keys())  # another version may have others
        if begun.get(key) != wanted.get(key)
    ]
    if differ:
        raise ValueError(
            f"{directory} was begun with other settings ({'; '.join(differ)}): use those, or name "
            "another folder"
        )


def _short(value: Any) -> str:
    """A value for a sentence: of a list, such as 400 class names, its beginning."""
    return f"a list of {len(value)} ({value[:2]} …)" if isinstance(value, list) else repr(value)
