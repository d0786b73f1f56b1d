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


def settings(encoding: dict[str, Any], clips_per_shard: int, names: tuple[str, ...]) -> dict:
    """What all splits of a folder share."""
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
    """Those of the splits that a folder holds already; None for a new folder."""
    path = directory / SETTINGS
    return tuple(_read(path)["settings"]["class_names"]) if path.exists() else None


def agree(directory: epath.Path, wanted: dict[str, Any], splits: dict[str, Any]) -> None:
    """Writes down what a folder is begun with, or checks that it is this.

    Errors: ValueError that says what differs; OSError.
    """
    path = directory / SETTINGS
    if not path.exists():
        _check_empty(directory)
        found: dict[str, Any] = {"settings": wanted, "splits": {}}
    else:
        found = _read(path)
        _check_same(directory, found["settings"], wanted)
        for split in splits.keys() & found["splits"].keys():
            if splits[split] != found["splits"][split]:
                was, now = found["splits"][split]["videos"], splits[split]["videos"]
                raise ValueError(
                    f"{directory} holds the split {split} of another source ({was} videos; now "
                    f"{now}, or other ids or labels): name the source it was begun with, or "
                    "another folder"
                )
    both = {"settings": wanted, "splits": found["splits"] | splits}
    if both != found or not path.exists():
        publish_bytes(path, json_text(both, indent=1).encode())


def _read(path: epath.Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
        return {"settings": dict(found["settings"]), "splits": dict(found["splits"])}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is damaged: name another folder, or delete this one") from None


def _check_empty(directory: epath.Path) -> None:
    if not directory.exists():
        return  # object stores have no empty folders
    others = [p.name for p in directory.iterdir() if not p.name.startswith(PARTIAL)]
    if others:
        raise ValueError(
            f"{directory} holds other things ({', '.join(sorted(others)[:3])}): name a folder that "
            "is empty or does not exist"
        )


def _check_same(directory: epath.Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    differ = [
        f"{key} is {_short(found.get(key))} there, {_short(wanted.get(key))} now"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    ]
    if differ:
        raise ValueError(
            f"{directory} was begun with other settings ({'; '.join(differ)}): use those, or name "
            "another folder"
        )


def _short(value: Any) -> str:
    return f"a list of {len(value)} ({value[:2]} …)" if isinstance(value, list) else repr(value)
