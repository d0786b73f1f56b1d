"""The temperature of a checkpoint, kept in a small JSON file beside it.

It is no part of the weights: evaluations score what the model says, and the file can be deleted.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ila_jax.files.json_files import json_text, read_object
from ila_jax.files.publish import publish_text
from ila_jax.models.model import Variables
from ila_jax.weights.digest import digest


def calibration_file(folder: Path, step: int | None) -> Path:
    """Where the temperature of a checkpoint is. step: of a run; None for a folder of weights."""
    return folder / ("calibration.json" if step is None else f"calibration-{step}.json")


def write_calibration(path: Path, weights: str, values: Mapping[str, Any]) -> None:
    """Writes a temperature. weights: the digest of those that it was fitted for.

    values: `temperature`, and whatever else a reader may want to know. Errors: OSError.
    """
    publish_text(path, json_text({"weights": weights, **values}, indent=1))


def read_calibration(path: Path, variables: Variables) -> float | None:
    """The temperature in a file for these weights; None where there is no file.

    Errors: ValueError for a damaged file, and for one that was fitted for other weights.
    """
    if not path.exists():
        return None
    what = "the temperature of a checkpoint"
    values = read_object(path, {"weights", "temperature"}, what)
    temperature = values["temperature"]
    if not (isinstance(temperature, float) and 0 < temperature < math.inf):
        raise ValueError(
            f"{path} is damaged: expected a temperature above 0, found {temperature!r}. Delete it, "
            "and calibrate again"
        )
    # The same step of a run that began anew has other weights.
    if values["weights"] != digest(variables):
        raise ValueError(
            f"{path} was fitted for other weights than those beside it: delete it, and calibrate "
            "again"
        )
    return temperature
