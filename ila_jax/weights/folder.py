"""Models on disk in our own format: a folder with `model.json` and the weights by Orbax."""

import json
import shutil
from pathlib import Path

import jax
import orbax.checkpoint as ocp

from ila_jax.config import model_from_dict, to_dict
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.recognizer import Recognizer
from ila_jax.weights.run import load_run

_FORMAT = 1


def save(recognizer: Recognizer, directory: str | Path) -> None:
    """Writes a new folder that `load` takes. It appears whole or not at all.

    Errors: ValueError when the folder exists; OSError.
    """
    target = Path(directory).absolute()
    if target.exists():
        raise ValueError(f"{target} exists: give the name of a folder to be made")
    partly = target.with_name(f".{target.name}.partly")
    shutil.rmtree(partly, ignore_errors=True)
    partly.mkdir(parents=True)
    about = {
        "format": _FORMAT,
        "model": to_dict(recognizer.config),
        "class_names": recognizer.class_names,
    }
    (partly / "model.json").write_text(json.dumps(about, indent=2) + "\n")
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(partly / "weights", recognizer.variables._asdict())
    partly.rename(target)


def load(source: str | Path) -> Recognizer:
    """A recognizer from a folder of weights, or from a run's folder.

    Of a run: its best checkpoint; `DIR@latest` and `DIR@STEP` name others.
    Errors: ValueError when the folder is neither, or has no such checkpoint.
    """
    name, _, which = str(source).partition("@")
    folder = Path(name)
    if (folder / "checkpoints").is_dir():
        return load_run(folder, which or "best")
    if not (folder / "model.json").is_file():
        raise ValueError(
            f"{folder} is no model: expected the folder of a run (with checkpoints/) or of "
            "weights (with model.json)"
        )
    about = json.loads((folder / "model.json").read_text())
    config = model_from_dict(about["model"])
    like = model.abstract(config)._asdict()
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    target = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), like)
    with ocp.StandardCheckpointer() as checkpointer:
        found = checkpointer.restore((folder / "weights").absolute(), target)
    return Recognizer(config, Variables(**found), about["class_names"])
