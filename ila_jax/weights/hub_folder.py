"""Saves a model as the folder that the Hugging Face hub keeps of it, and uploads that folder.

The folder has `model.json`, `model.safetensors`, `README.md`, which is the model's page there, and
`calibration.json` where a temperature was fitted. `ila_jax.load` reads it from a disk and from
`hf://`. Nothing is sent anywhere but by `push`.
"""

import json
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ila_jax.files.printable import printable
from ila_jax.recognizer import Recognizer
from ila_jax.weights.calibration import calibration_file, write_calibration
from ila_jax.weights.destinations import check_free
from ila_jax.weights.digest import digest
from ila_jax.weights.fit import check_unfolded
from ila_jax.weights.folder import description, write_folder
from ila_jax.weights.foreign.hub import PREFIX, Place, endpoint, library, place
from ila_jax.weights.foreign.hub_errors import push_problem
from ila_jax.weights.hub_card import hub_card
from ila_jax.weights.safetensors_weights import FILE, write_weights

# What the hub itself puts into a new repository.
_OF_THE_HUB = {".gitattributes"}
_README = "README.md"


def save(
    recognizer: Recognizer, directory: str | Path, *, force: bool = False, card: str = ""
) -> None:
    """Writes a new folder that `ila_jax.load` takes, whole or not at all.

    It holds all that `predict` needs: weights, class names, views and temperature.
    force: replace a folder of weights that has this name. card: Markdown to add to README.md.
    Errors: ValueError when the folder exists, for an address, and for an inference form; OSError
    where it cannot be written.
    """
    _check_no_address(directory)
    source = Path(directory).name
    write = partial(_write, source=source, card=card)
    write_folder(recognizer, directory, write, force=force)


def check_savable(directory: str | Path, *, force: bool = False) -> None:
    """Checks that `save` may write a folder of this name. Errors: those of `save` about it."""
    _check_no_address(directory)
    check_free(Path(directory).absolute(), force=force)


def _check_no_address(directory: str | Path) -> None:
    if "://" in str(directory):
        raise ValueError(
            f"{directory} is an address and no folder: models are uploaded to {PREFIX}OWNER/NAME, "
            "by ila_jax.push or python -m ila_jax.upload"
        )


def push(
    recognizer: Recognizer,
    repository: str,
    *,
    public: bool = False,
    replace: bool = False,
    card: str = "",
) -> str:
    """Uploads a model to the Hugging Face hub; returns the address of the commit there.

    repository: `hf://OWNER/NAME`, or with `@BRANCH` behind it. It is made where there is none, for
    its owner's eyes alone unless `public`; one that is there keeps its visibility. replace: whether
    files that are there may be replaced. Their history stays. card: Markdown to add to the page.
    huggingface_hub takes the token from HF_TOKEN, or from `hf auth login`. The files become
    visible together, by one commit: after an interruption nothing has changed there.
    Errors: ValueError in a sentence, also for a repository with files; OSError where the disk for
    temporary files (TMPDIR) is full.
    """
    check_unfolded(recognizer.variables)
    target = _target(repository, replace)
    source, wanted, api = target.source, target.wanted, target.api
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        # Before the repository is made: where this fails, none is left behind.
        write_folder(recognizer, folder, partial(_write, source=source, card=card), force=False)
        with _refusals(source, wanted):
            if target.there is None:
                api.create_repo(wanted.repository, private=not public)
            return _committed(target, folder)


def check_pushable(repository: str, *, replace: bool = False) -> None:
    """Asks the hub whether `push` may write a repository, before a model is there; sends nothing.

    Errors: ValueError, those of `push` that are not about its model.
    """
    _target(repository, replace)


@dataclass(frozen=True)
class _Target:
    """A repository that may be written.

    source: its address. hub, api: huggingface_hub, and what asks by it. there: what the hub says of
    the repository; None where there is none that the token may see.
    """

    source: str
    wanted: Place
    hub: Any
    api: Any
    there: Any

    @property
    def files(self) -> list[str]:
        """The files that are in the repository."""
        return [] if self.there is None else [file.rfilename for file in self.there.siblings or ()]


def _target(repository: str, replace: bool) -> _Target:
    """The repository, asked for. Errors: ValueError where nothing may be written there."""
    source = PREFIX + repository.removeprefix(PREFIX)
    wanted = place(source)
    if wanted.file:
        raise ValueError(f"{source}: expected {PREFIX}OWNER/NAME, and no file behind it")
    hub = library(source)
    if hub.get_token() is None:
        raise ValueError(
            f"{source} cannot be written: there is no token. Log in with `hf auth login`, or set "
            "HF_TOKEN, with a token that may write"
        )
    api = hub.HfApi(endpoint=endpoint())
    with _refusals(source, wanted):
        there = _there(hub, api, wanted)
    # It would be made, have no such branch, and be left behind empty.
    if there is None and wanted.revision != "main":
        raise ValueError(
            f"{source} cannot be written: there is no {wanted.repository} that this token may see, "
            f"and a new repository has no branch but main: upload to {PREFIX}{wanted.repository}, "
            f"make it with its branch {wanted.revision} first, or use a token that may write there"
        )
    target = _Target(source, wanted, hub, api, there)
    _check_replaced(source, target.files, replace)
    return target


def _write(recognizer: Recognizer, partly: Path, *, source: str, card: str) -> None:
    """Writes all files of the folder."""
    partly.mkdir(parents=True)
    sha256 = digest(recognizer.variables)
    about = description(recognizer) | {"weights_sha256": sha256}
    (partly / "model.json").write_text(json.dumps(about, indent=2) + "\n")
    write_weights(partly, recognizer.variables)
    if recognizer.temperature is not None:
        values = {"temperature": float(recognizer.temperature)}
        write_calibration(calibration_file(partly, None), sha256, values)
    text = hub_card(recognizer, source, sha256, card)
    (partly / _README).write_text(printable(text), encoding="utf-8")


def _there(hub: Any, api: Any, wanted: Place) -> Any:
    """What the hub says of the repository; None where there is none that the token may see."""
    seconds = hub.constants.HF_HUB_ETAG_TIMEOUT
    try:
        return api.model_info(wanted.repository, revision=wanted.revision, timeout=seconds)
    except hub.errors.RepositoryNotFoundError:
        return None


def _check_replaced(source: str, files: Collection[str], replace: bool) -> None:
    """Errors: ValueError for a repository with files, unless they may be replaced."""
    there = sorted(set(files) - _OF_THE_HUB)
    if there and not replace:
        raise ValueError(
            f"{source} has files, such as {', '.join(there[:3])}, and nothing was uploaded: name "
            "another repository, or let its files be replaced (replace=True, --replace)"
        )


def _committed(target: _Target, folder: Path) -> str:
    """Uploads the folder by one commit, and returns its address."""
    new = sorted(path.name for path in folder.iterdir())
    # What an earlier model left there, and would be read together with the new one.
    stale = [
        name
        for name in target.files
        if name in ("calibration.json", FILE) or name.startswith("weights/")
        if name not in new
    ]
    operations = [target.hub.CommitOperationAdd(name, folder / name) for name in new]
    operations += [target.hub.CommitOperationDelete(name) for name in sorted(stale)]
    commit = target.api.create_commit(
        target.wanted.repository,
        operations,
        commit_message="A model of ila_jax",
        revision=target.wanted.revision,
        # Whoever wrote there in the meantime is not overwritten.
        parent_commit=None if target.there is None else target.there.sha,
    )
    address: str = commit.commit_url
    return address


@contextmanager
def _refusals(source: str, wanted: Place) -> Iterator[None]:
    """Makes a ValueError, in a sentence, of whatever the hub refuses inside."""
    try:
        yield
    except Exception as error:  # of huggingface_hub, and of the libraries below it
        reason = push_problem(error, wanted.repository, wanted.revision)
        raise ValueError(
            f"{source} cannot be written: {reason}. Nothing has changed there that others see, and "
            "the same call begins again"
        ) from error
