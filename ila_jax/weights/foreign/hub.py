"""Fetches weights from the Hugging Face hub, through its own library and its cache.

Only the files of one set of weights are fetched, one after another, and only where the user wrote
`hf://`. What is fetched is read by `files`: nothing of it is run.

`fetch` asks the hub for the names of a repository's files, chooses by these which to fetch, and
fetches what is not in the cache. Where the hub cannot be reached, the cache is used alone.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ila_jax.weights.foreign.hub_errors import fetch_problem, is_broken_connection
from ila_jax.weights.foreign.settings import pixel_settings
from ila_jax.weights.foreign.weight_files import (
    HUGGING_FACE,
    OPEN_CLIP,
    WeightFiles,
    choose,
    single_file,
)

PREFIX = "hf://"
_OURS = "model.json"  # a repository of a folder that `hub_folder.push` or `folder.save` wrote
_BESIDE = ("model.safetensors", "calibration.json")
_TRIES = 3  # of each file, when a connection breaks off
# The address of a page of the hub, as browsers show it: repository, revision, file.
_PAGE = re.compile(
    r"https?://(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)"
    r"(?:/(?:tree|blob|resolve)/(refs/\w+/\w+|[^/?]+)(/[^?]+)?)?/?(?:\?.*)?$"
)
_FORM = "hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME/FILE"


@dataclass(frozen=True)
class Place:
    """What an address names.

    repository: OWNER/NAME. revision: a branch, tag or commit. file: a path in the repository, or ""
    for the set of weights that is in it.
    """

    repository: str
    revision: str
    file: str


def place(source: str) -> Place:
    """The parts of `hf://OWNER/NAME[@REVISION][/FILE]`. Errors: ValueError for other forms.

    As in huggingface_hub's own addresses, a "/" in a revision is written %2F, except in refs/pr/N.
    """
    owner, _, rest = source.removeprefix(PREFIX).rstrip("/").partition("/")
    name, _, file = rest.partition("/")
    name, at, revision = name.partition("@")
    if revision == "refs":
        kind, number, file = (*file.split("/", 2), "", "")[:3]
        revision = f"refs/{kind}/{number}"
    if not owner or "@" in owner or not name or (at and not revision):
        raise ValueError(f"{source}: expected {_FORM}")
    return Place(f"{owner}/{name}", unquote(revision) or "main", file)


def local(source: str) -> Path:
    """The path of a source on this machine, fetched if it is one of the hub's.

    Errors: ValueError for other addresses, with what to write instead.
    """
    if source.startswith(PREFIX):
        return fetch(source)
    if not re.match(r"https?://", source):
        return Path(source)
    if page := _PAGE.match(source):
        repository, revision, file = page.groups(default="")
        at = f"@{revision.replace('/', '%2F')}" if revision not in ("", "main") else ""
        raise ValueError(f"{source} is a page of the hub: write {PREFIX}{repository}{at}{file}")
    raise ValueError(
        f"{source} is an address: fetch the file first, and name it here. Of addresses only "
        f"{_FORM} is known"
    )


def fetch(source: str) -> Path:
    """The local copy of an address: the folder with its files, or the one file that it names.

    Without a connection the cache is used. Errors: ValueError in a sentence.
    """
    wanted = place(source)
    hub = library(source)
    try:
        files = _listing(hub, wanted)
    # The library raises types of several others. Whatever it is, a whole copy in the cache is good.
    except Exception as error:
        reason = fetch_problem(error, wanted.repository, wanted.revision)
        cached = _cached(hub, wanted)
        if cached is None:
            raise ValueError(f"{source} is not in the cache and cannot be fetched: {reason}") from (
                error
            )
        print(f"{source}: the copy in the cache is used, as {reason}", file=sys.stderr)
        return cached
    try:
        return _fetched(hub, wanted, files)
    except _NoSet as error:
        raise ValueError(f"{source} cannot be used: {error}") from error
    except Exception as error:
        reason = fetch_problem(error, wanted.repository, wanted.revision)
        raise ValueError(f"{source} cannot be fetched: {reason}") from error


class _NoSet(ValueError):
    """What is in the repository is no set of weights for us, however often it is fetched."""


def library(source: str) -> Any:
    """huggingface_hub, which is an extra. Errors: ValueError where it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.constants
    except ImportError as error:
        raise ValueError(
            f"{source} needs huggingface_hub, which is not installed: pip install 'ila-jax[hub]'"
        ) from error
    return huggingface_hub


def endpoint() -> str | None:
    """The address of the hub, or None for the library's own.

    The library reads this variable when it is imported; whoever sets it later means it as well.
    """
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _listing(hub: Any, wanted: Place) -> list[str]:
    """The names of all files of a repository."""
    # Without a limit, a dead network would be waited for.
    seconds = hub.constants.HF_HUB_ETAG_TIMEOUT
    api = hub.HfApi(endpoint=endpoint())
    info = api.model_info(wanted.repository, revision=wanted.revision, timeout=seconds)
    return [file.rfilename for file in info.siblings or ()]


def _fetched(hub: Any, wanted: Place, files: Collection[str]) -> Path:
    """Fetches what is wanted and not in the cache; the folder of the set, or the one file.

    files: the names of all files of the repository.
    """
    snapshot = _Snapshot(hub, wanted)
    if wanted.file:
        if wanted.file not in files:
            others = ", ".join(sorted(files)[:12]) or "nothing"
            raise _NoSet(f"it has no file {wanted.file}, but {others}")
        return _one(snapshot, wanted.file, files)
    if _OURS in files:
        beside = (*_BESIDE, *(name for name in sorted(files) if name.startswith("weights/")))
        names = [_OURS, *(name for name in beside if name in files)]
    else:
        try:
            chosen = choose(files, lambda name: _object(snapshot.get(name)))
        except ValueError as error:
            raise _NoSet(str(error)) from error
        index = [chosen.index] if chosen.index else []
        # The configuration first: it lies at the top of the set, so that its folder is returned.
        names = [*_settings(chosen, files), *index, *chosen.files]
    paths = [snapshot.get(name) for name in names]
    return paths[0].parent


def _one(snapshot: "_Snapshot", file: str, files: Collection[str]) -> Path:
    """Fetches one file, and the settings next to it where it is one of a set of weights."""
    folder = file[: file.rfind("/") + 1]
    siblings = [other.removeprefix(folder) for other in files if other.startswith(folder)]
    if chosen := single_file(file.removeprefix(folder), siblings):
        for name in _settings(chosen, siblings):
            snapshot.get(folder + name)
    return snapshot.get(file)


def _settings(chosen: WeightFiles, files: Collection[str]) -> list[str]:
    """The files of settings that go with a set of weights: for the model, and for its pixels."""
    return [chosen.config, *(name for name in pixel_settings.FILES if name in files)]


class _Snapshot:
    """One commit of a repository: that which the revision names when the first file is asked for.

    The library keeps in its cache which commit a branch was, for the day without a network.
    """

    def __init__(self, hub: Any, wanted: Place):
        self._hub, self._repository, self._commit = hub, wanted.repository, wanted.revision

    def get(self, name: str) -> Path:
        """Fetches a file, and gives its path in the cache."""
        # Not every version of the library goes on by itself where a connection broke off.
        for tries_left in reversed(range(_TRIES)):
            try:
                path = self._hub.hf_hub_download(
                    self._repository, name, revision=self._commit, endpoint=endpoint()
                )
                break
            except Exception as error:
                if not (tries_left and is_broken_connection(error)):
                    raise
        # The cache has a folder for each commit: now the same one, even if the branch moves on.
        self._commit = Path(path).parents[name.count("/")].name
        return Path(path)


def _object(path: Path) -> Mapping[str, Any]:
    """The settings in a file. Errors: `_NoSet` where it holds something else."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _NoSet(f"{path.name} is no JSON ({error})") from error
    if not isinstance(settings, dict):
        raise _NoSet(f"{path.name} holds no settings")
    return settings


def _cached(hub: Any, wanted: Place) -> Path | None:
    """The copy in the cache, if it is whole: the folder of the set, or the one file."""
    get: Callable[..., Any] = hub.try_to_load_from_cache
    # Without the hub nobody knows which kind of set the repository has: any that was fetched.
    for name in [wanted.file] if wanted.file else [_OURS, OPEN_CLIP, HUGGING_FACE]:
        path = get(wanted.repository, name, revision=wanted.revision)
        # Anything else is None, or the library's mark for a file that the hub does not have.
        if isinstance(path, str):
            if wanted.file:
                return Path(path)
            folder = Path(path).parent
            return folder if _is_whole(folder) else None
    return None


def _is_whole(folder: Path) -> bool:
    """Whether a folder of the cache has all files of a set; a stopped fetch leaves fewer."""
    if (folder / _OURS).is_file():
        return (folder / "weights").is_dir() or (folder / _BESIDE[0]).is_file()
    try:
        return bool(choose(os.listdir(folder), lambda name: _object(folder / name)))
    except ValueError:
        return False
