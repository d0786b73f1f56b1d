"""What this process asks of the disk, in its order: syncs, renames and deletions."""

import os
from pathlib import Path

import pytest

from ila_jax.files.publish import PARTIAL


def recorded(patch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows until `patch` is undone: `sync file`, `rename file`, `sync folder/`, …

    A file that is being written goes by the name that it gets.
    """
    calls: list[str] = []
    names: dict[int, str] = {}  # by descriptor
    opening, syncing, unlinking = os.open, os.fsync, os.unlink
    replacing, renaming = os.replace, os.rename

    def opened(path, *arguments, **named):
        descriptor = opening(path, *arguments, **named)
        names[descriptor] = _name(path)
        return descriptor

    def synced(descriptor):
        syncing(descriptor)
        calls.append(f"sync {names.get(descriptor)}")

    def replaced(source, target):
        replacing(source, target)
        calls.append(f"rename {_name(target)}")

    def renamed(source, target):
        renaming(source, target)
        calls.append(f"rename {_name(target)}")

    def unlinked(path, **named):
        unlinking(path, **named)
        calls.append(f"unlink {_name(path)}")

    patch.setattr(os, "open", opened)
    patch.setattr(os, "fsync", synced)
    patch.setattr(os, "replace", replaced)
    patch.setattr(os, "rename", renamed)
    patch.setattr(os, "unlink", unlinked)
    return calls


def _name(path) -> str:
    name = Path(path).name
    if name.startswith(PARTIAL):
        return name.removeprefix(PARTIAL).partition("-")[2]
    return f"{name}/" if Path(path).is_dir() else name
