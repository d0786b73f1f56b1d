"""Saves and loads models in our own format: a folder with `model.json` and the weights.

The weights are Orbax's, in `weights/`, or one file of safetensors (`hub_folder.py`).

A folder is written next to its place, under a name with a dot, and gets its own name last, when all
of it is there: `model.json`, the weights and their checksums. So a folder of that name is whole.
Reading goes the other way: the description first, since it says which arrays must be there, then
the checksums, and then the weights.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from ila_jax.config import ModelConfig, model_from_dict, to_dict
from ila_jax.files.json_files import read_object
from ila_jax.files.plain_name import plain_name
from ila_jax.files.publish import sync_folder, sync_tree
from ila_jax.files.writable import not_written
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import Origin, Recognizer, views_from_dict
from ila_jax.weights import checksums, safetensors_weights
from ila_jax.weights.calibration import calibration_file, read_calibration
from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.destinations import check_free
from ila_jax.weights.fit import check_unfolded
from ila_jax.weights.foreign.hub import PREFIX, fetch
from ila_jax.weights.foreign.other_files import on_the_hub
from ila_jax.weights.fresh import on_device
from ila_jax.weights.run import checkpoint_folder, load_run
from ila_jax.weights.safetensors_weights import read_weights

_FORMAT = 1
# Writing holds little in memory: files of this size, and this much of them at a time.
_DATA_FILE = 32 << 20  # bytes
_AT_ONCE: Any = 0.1  # GB; Orbax annotates whole numbers and takes any


def save(recognizer: Recognizer, directory: str | Path, *, force: bool = False) -> None:
    """Writes a new folder that `load` takes. It appears whole or not at all.

    force: replace a folder of weights that has this name.
    Errors: ValueError when the folder exists, and for an inference form; OSError where it cannot
    be written.
    """
    write_folder(recognizer, directory, _write, force=force)


def write_folder(
    recognizer: Recognizer,
    directory: str | Path,
    write: Callable[[Recognizer, Path], None],
    *,
    force: bool,
) -> None:
    """`save` with what `write` writes into the new folder, which it makes itself."""
    check_unfolded(recognizer.variables)
    target = Path(directory).absolute()
    check_free(target, force=force)
    # Beside the target, and so on the same disk, where a rename happens at once. What a killed save
    # left under this name is removed.
    partly = target.with_name(f".{target.name}.partly")
    shutil.rmtree(partly, ignore_errors=True)
    try:
        write(recognizer, partly)
        sync_tree(partly)
    except (OSError, ValueError, RuntimeError) as error:  # Orbax and TensorStore have their own
        shutil.rmtree(partly, ignore_errors=True)
        raise not_written(target, error, "Nothing is left of it") from error
    # A folder cannot be renamed onto another: the old one steps aside, and is removed last.
    if target.exists():
        old = target.with_name(f".{target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        partly.rename(target)
        # Or a power cut could leave neither the new weights nor the old ones.
        sync_folder(target.parent)
        shutil.rmtree(old)
    else:
        partly.rename(target)
        sync_folder(target.parent)


def _write(recognizer: Recognizer, partly: Path) -> None:
    """Writes the description, the weights, and last the checksums of what was written."""
    partly.mkdir(parents=True)
    (partly / "model.json").write_text(json.dumps(description(recognizer), indent=2) + "\n")
    # Orbax holds in memory what it has not written yet.
    handler = ocp.PyTreeCheckpointHandler(save_concurrent_gb=_AT_ONCE)
    with ocp.Checkpointer(handler) as checkpointer:
        args = ocp.args.PyTreeSave(
            recognizer.variables._asdict(), ocdbt_target_data_file_size=_DATA_FILE
        )
        checkpointer.save(plain_name(partly) / "weights", args=args)
    checksums.write_list(partly / "weights")


def load(source: str | Path) -> Recognizer:
    """A recognizer from a folder of weights, from a run's folder, or from the Hugging Face hub.

    Of a run it is the best checkpoint; `DIR@latest` and `DIR@STEP` name others. A folder of
    `python -m ila_jax.finetune` stands for the run in it. Of the hub it is `hf://owner/name`: a
    repository of such a folder, of CLIPModel, XCLIPModel or open_clip.
    Errors: ValueError when the folder is neither, has no such checkpoint, or is damaged.
    """
    if str(source).startswith(PREFIX):
        fetched = fetch(str(source))
        if not (fetched / "model.json").is_file():
            return on_device(convert_file(fetched, Target()).recognizer)
        return load(fetched)
    folder, which = folder_and_checkpoint(source)
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
    # On one device, whatever the weights were saved from.
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    target = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), like)
    # Before the weights, which take longer to read.
    try:
        views = views_from_dict(about["views"]) if "views" in about else None
        origin = _origin(about)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / 'model.json'} is damaged: {error!r} in views or origin"
        ) from error
    if (folder / safetensors_weights.FILE).is_file():
        variables = read_weights(folder, config, str(about.get("weights_sha256")))
    else:
        variables = Variables(**_restored(folder / "weights", target))
    temperature = read_calibration(calibration_file(folder, None), variables)
    return Recognizer(config, variables, about["class_names"], origin, views, temperature)


def named_step(source: str | Path) -> tuple[str, int | None]:
    """A source that always means the same checkpoint, as `DIR@STEP`, and the step.

    A run's best or latest checkpoint is soon another one. Weights that are no run's have no step:
    theirs is None, and the source as it was. Errors: those of `load`.
    """
    folder, which = folder_and_checkpoint(source)
    if str(source).startswith(PREFIX) or not (folder / "checkpoints").is_dir():
        return str(source), None
    step = int(checkpoint_folder(folder, which or "best").name)
    return f"{folder}@{step}", step


def _restored(folder: Path, target: Any) -> dict[str, Any]:
    """The arrays in a folder of Orbax, with the shapes, dtypes and devices of `target`.

    Errors: ValueError where a file is not as it was written, or arrays have other shapes.
    """
    # Folders of an earlier version have no list. Compared before Orbax reads them, which would take
    # a wrong byte for a weight.
    if (folder / checksums.LIST).exists() and (damage := checksums.damage(folder)) is not None:
        raise ValueError(f"{folder} {damage}. Convert or copy the weights again")
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            arrays: dict[str, Any] = checkpointer.restore(plain_name(folder), target)
            return arrays
    except Exception as error:  # Orbax and TensorStore each have their own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(
            f"the weights in {folder} are damaged or not those of its model.json: "
            f"{lines[0][:300]}. Convert or copy them again"
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


def folder_and_checkpoint(source: str | Path) -> tuple[Path, str]:
    """The folder, and what stands behind an @: which of a run's checkpoints is meant, or ""."""
    name, at, which = str(source).rpartition("@")
    # A folder's own name may have an @.
    if not at or Path(source).exists():
        name, which = str(source), ""
    folder = Path(name)
    # The weights in a fine-tuning's folder are those that it started from: what it made is the run.
    return (folder / "run" if (folder / "finetune.json").is_file() else folder), which


def description(recognizer: Recognizer) -> dict[str, Any]:
    """What `model.json` says of a model."""
    origin = recognizer.origin
    return {
        "format": _FORMAT,
        "model": to_dict(recognizer.config),
        "class_names": recognizer.class_names,
        "views": dataclasses.asdict(recognizer.views),
        "origin": None if origin is None else dataclasses.asdict(origin),
    }


def _origin(about: dict[str, Any]) -> Origin | None:
    """Where the weights came from; None where they were not converted."""
    origin = about.get("origin")
    return None if origin is None else Origin(**origin | {"fresh": tuple(origin["fresh"])})


def _foreign(path: Path) -> str:
    """What to do about a path that may be of PyTorch's weights or of the hub, or ""."""
    if path.is_file() or (path / "config.json").is_file():
        return f". Convert it first: python -m ila_jax.convert --input {path} --output DIR"
    return "" if path.exists() else on_the_hub(path)
