"""Fits a temperature on a finished evaluation, and keeps it beside the checkpoint."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ila_jax.evaluate.predictions import PREDICTIONS
from ila_jax.evaluate.results import read_result
from ila_jax.files.plain_name import plain_name
from ila_jax.scoring.temperature import FittedTemperature, NoTemperature, fit
from ila_jax.weights.calibration import calibration_file, write_calibration


@dataclass(frozen=True)
class StoredTemperature:
    """What was fitted, and the file that `predict` and `serve` will find it in."""

    fitted: FittedTemperature
    file: Path

    def __str__(self) -> str:
        """The temperature and the calibration error before and after, in lines for people."""
        fitted = self.fitted
        return (
            f"temperature {fitted.temperature:.3f}, fitted on {fitted.videos} videos\n"
            f"calibration error  {fitted.error_before:.2%} before, {fitted.error_after:.2%} after, "
            "each half of the videos with the temperature of the other half\n"
            f"written: {self.file}: predict and serve use it; delete it, and they do not"
        )


def calibrate(folder: Path) -> StoredTemperature:
    """Fits a temperature on the videos of a finished evaluation, and writes it.

    What the evaluation says stays as it is. Errors: ValueError for a folder without results, for a
    checkpoint that is not there, and NoTemperature, which is one, for videos that none can be
    fitted on; OSError.
    """
    result = read_result(folder)
    # A result of a version before says neither: all were softmax, with one label a video.
    sigmoid = result["same"]["model"].get("probabilities", "softmax") != "softmax"
    if sigmoid or result.get("several_labels", False):
        raise ValueError(
            f"{folder} is of classes that do not exclude each other: a temperature is for softmax "
            "and videos of one class each"
        )
    path = _beside(result["checkpoint"], folder)
    try:
        fitted = fit(*_views_and_labels(folder / PREDICTIONS))
    except NoTemperature as error:
        raise NoTemperature(f"{folder}: {error}") from error
    same = result["same"]
    of_what = {"evaluated": same["videos"], "clips": same["clips"], "crops": same["crops"]}
    write_calibration(path, same["weights"], asdict(fitted) | of_what)
    return StoredTemperature(fitted, path)


def _beside(checkpoint: dict[str, Any], folder: Path) -> Path:
    """The file to write. Errors: ValueError where the checkpoint's folder is not there."""
    source, step = checkpoint["read"], checkpoint["step"]
    place = Path(source.removesuffix(f"@{step}"))
    if not place.is_dir():
        raise ValueError(
            f"{folder} is of {source}, which is no folder here: expected the run or the weights "
            "that were evaluated, to write beside them; go to the folder that the evaluation was "
            "started in, or convert weights of the hub into a folder first"
        )
    return calibration_file(place, step)


def _views_and_labels(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities of the views, float32 [n, v, k], and labels [n], of the readable videos.

    Errors: ValueError for a file that is missing or damaged.
    """
    columns = ["label", "readable", "view_probabilities"]
    try:
        table = pq.read_table(plain_name(path), columns=columns)
    except Exception as error:  # pyarrow's own kinds, some of them no OSError
        raise ValueError(f"{path} cannot be read: {error}") from error
    table = table.filter(table["readable"])
    labels = table["label"].to_numpy()
    # Lists of lists of one length each: the numbers alone, in their order.
    lists = table["view_probabilities"].combine_chunks()
    views = len(lists[0])
    numbers = lists.flatten().flatten().to_numpy()
    return numbers.reshape(len(labels), views, -1), np.asarray(labels)
