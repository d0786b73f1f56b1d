"""mAP as Charades' own program has it."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from ila_jax.evaluate.predictions import PREDICTIONS
from ila_jax.files.plain_name import plain_name
from ila_jax.scoring.average_precision import mean_average_precision


def charades_map(folder: Path) -> float:
    """The mAP of a finished evaluation, of the videos that could be read and have an action.

    Charades_v1_classify gives a video without any action the score minus infinity in every class.
    It then stands behind all others, and no precision counts it: as if it were not there.
    Errors: OSError.
    """
    columns = ["labels", "readable", "probabilities"]
    rows = pq.read_table(plain_name(folder / PREDICTIONS), columns=columns).to_pylist()
    rows = [row for row in rows if row["readable"] and row["labels"]]
    if not rows:
        return 0.0
    scores = np.array([row["probabilities"] for row in rows])
    truth = np.zeros(scores.shape, np.bool_)
    for video, row in enumerate(rows):
        truth[video, row["labels"]] = True
    return mean_average_precision(scores, truth)
