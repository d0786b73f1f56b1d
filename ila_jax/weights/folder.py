"""Models on disk in our own format: a folder with `model.json` and the weights by Orbax."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from ila_jax.config import ModelConfig, model_from_dict, to_dict
from ila_jax.files.json_files import read_object
from ila_jax.files.plain_name import plain_name
from ila_jax.files.writable import check_writable, not_written
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import Origin, Recognizer, views_from_dict
from ila_jax.weights import checksums
from ila_jax.weights.conversion import Wish, convert_file
from ila_jax.weights.foreign.hub import PREFIX, fetch
from ila_jax.weights.foreign.other_files import on_the_hub
from ila_jax.weights.fresh import on_device
from ila_jax.weights.run import checkpoint_folder, load_run

_FORMAT = 1
_DATA_FILE = 32 << 20  # bytes
_AT_ONCE: Any = 0.1  # GB; Orbax annotates whole numbers and takes any


def save(recognizer: Recognizer, directory: str | Path, *, force: bool = False) -> None:
    """Writes a new folder that `load` takes. It appears whole or not at all.

    force: replaces a folder of weights that is there.
    Errors: ValueError when the folder exists; OSError.
    """
    target = Path(directory).absolute()
    check_free(target, force=force)
    partly = target.with_name(f".{target.name}.partly")
    shutil.rmtree(partly, ignore_errors=True)
    try:
        _write(recognizer, partly)
    except (OSError, ValueError, RuntimeError) as error:  # Orbax and TensorStore have their own
        shutil.rmtree(partly, ignore_errors=True)
        raise not_written(target, error, "Nothing is left of it") from error
    if target.exists():
        old = target.with_name(f".{target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        partly.rename(target)
        shutil.rmtree(old)
    else:
        partly.rename(target)


def _write(recognizer: Recognizer, partly: Path) -> None:
    """A new folder of weights, with checksums."""
    partly.mkdir(parents=True)
    (partly / "model.json").write_text(json.dumps(_about(recognizer), indent=2) + "\n")
    # Orbax holds in memory what it has not written yet: little of it at a time.
    handler = ocp.PyTreeCheckpointHandler(save_concurrent_gb=_AT_ONCE)
    with ocp.Checkpointer(handler) as checkpointer:
        args = ocp.args.PyTreeSave(
            recognizer.variables._asdict(), ocdbt_target_data_file_size=_DATA_FILE
        )
        checkpointer.save(plain_name(partly) / "weights", args=args)
    checksums.write_list(partly / "weights")


def check_free(target: Path, *, force: bool) -> None:
    """Errors: ValueError when something is there, unless it is a folder of weights to replace;
    OSError where nothing can be written.
    """
    check_writable(target.parent)
    if not target.exists():
        return
    if not force:
        raise ValueError(f"{target} exists: give the name of a folder to be made")
    if not (target / "model.json").is_file():
        raise ValueError(
            f"{target} exists and is no folder of weights, so it is not replaced: give another name"
        )


def load(source: str | Path) -> Recognizer:
    """A recognizer from a folder of weights, from a run's folder, or from the Hugging Face hub.

    Of a run: its best checkpoint; `DIR@latest` and `DIR@STEP` name others. Of the hub:
    `hf://owner/name`, a repository of such a folder, of CLIPModel or of XCLIPModel.
    Errors: ValueError when the folder is neither, or has no such checkpoint.
    """
    if str(source).startswith(PREFIX):
        fetched = fetch(str(source))
        if not (fetched / "model.json").is_file():
            return on_device(convert_file(fetched, Wish()).recognizer)
        return load(fetched)
    folder, which = _place(source)
    if (folder / "checkpoints").is_dir():
        return load_run(folder, which or "best")
    if not (folder / "model.json").is_file():
        raise ValueError(
            f"{folder} is no model: expected the folder of a run (with checkpoints/) or of "
            "weights (with model.json)" + _foreign(folder)
        )
    about = read_object(folder / "model.json", {"model", "class_names"}, "a model's description")
    config = model_from_dict(about["model"])
    _check_names(folder, config, about["class_names"])
    like = model.abstract(config)._asdict()
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    target = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), like)
    try:
        views = views_from_dict(about["views"]) if "views" in about else None
        origin = _origin(about)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / 'model.json'} is damaged: {error!r} in views or origin"
        ) from error
    found = _restored(folder / "weights", target)
    return Recognizer(config, Variables(**found), about["class_names"], origin, views)


def named_step(source: str | Path) -> tuple[str, int | None]:
    """The same source by name and step, and the step; of weights that are no run's, None.

    A run's best or latest checkpoint is soon another one. Errors: those of `load`.
    """
    folder, which = _place(source)
    if str(source).startswith(PREFIX) or not (folder / "checkpoints").is_dir():
        return str(source), None
    step = int(checkpoint_folder(folder, which or "best").name)
    return f"{folder}@{step}", step


def _restored(folder: Path, target: Any) -> dict[str, Any]:
    """Errors: ValueError where a file is not as it was written, or arrays have other shapes."""
    # Folders of an earlier version have no list.
    if (folder / checksums.LIST).exists() and (damage := checksums.damage(folder)) is not None:
        raise ValueError(f"{folder} {damage}. Convert or copy the weights again")
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            return checkpointer.restore(plain_name(folder), target)
    except Exception as error:  # Orbax and TensorStore each have their own
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(
            f"the weights in {folder} are damaged or not those of its model.json: {said[0][:300]}. "
            "Convert or copy them again"
        ) from error


def _check_names(folder: Path, config: ModelConfig, names: Any) -> None:
    """Errors: ValueError for class names that are no list, or not one for each class."""
    if names is None:
        return
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{folder / 'model.json'} is damaged: class_names is no list of names")
    if config.classes not in (None, len(names)):
        raise ValueError(
            f"{folder / 'model.json'} has {len(names)} class names for {config.classes} classes: "
            "expected one for each"
        )


def _place(source: str | Path) -> tuple[Path, str]:
    """The folder, and which of a run's checkpoints is meant, or ""."""
    name, at, which = str(source).rpartition("@")
    if not at or Path(source).exists():  # a folder's own name may have an @
        name, which = str(source), ""
    return Path(name), which


def _about(recognizer: Recognizer) -> dict[str, Any]:
    origin = recognizer.origin
    return {
        "format": _FORMAT,
        "model": to_dict(recognizer.config),
        "class_names": recognizer.class_names,
        "views": dataclasses.asdict(recognizer.views),
        "origin": None if origin is None else dataclasses.asdict(origin),
    }


def _origin(about: dict[str, Any]) -> Origin | None:
    found = about.get("origin")
    return None if found is None else Origin(**found | {"fresh": tuple(found["fresh"])})


def _foreign(path: Path) -> str:
    """What to do about the weights of PyTorch."""
    if path.is_file() or (path / "config.json").is_file():
        return f". Convert it first: python -m ila_jax.convert --input {path} --output DIR"
    return "" if path.exists() else on_the_hub(path)
