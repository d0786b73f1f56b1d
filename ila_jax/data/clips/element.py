"""One row of a batch, the same arrays for training and for evaluation."""

import numpy as np


def element(
    video: np.ndarray,
    label: np.ndarray,
    index: int,
    short: bool,
    bad: list[tuple[int, int]],
    tries: int,
) -> dict[str, np.ndarray]:
    """The arrays of one row.

    video: uint8 of any shape. label, index: of the video that is shown, the label as a row of
    `ground_truth`, int32 [] or bool [k]. short: whether its frames repeat. bad: (index, Reason) of
    the videos that could not be read. tries: the most of them that there can be.
    """
    # Rows of a batch are stacked, so that this table has the same length in each of them.
    table = np.full((tries, 2), -1, np.int32)
    table[: len(bad)] = np.array(bad, np.int32).reshape(-1, 2)
    return {
        # A crop is a view of all the frames it was cut from. They would stay in memory for as long
        # as the row waits in the loader's buffers.
        "video": np.ascontiguousarray(video),
        "label": np.asarray(label),
        "index": np.asarray(index, np.int32),
        "short": np.asarray(short, np.bool_),
        "bad": table,
    }


def blank_label(truth: np.ndarray) -> np.ndarray:
    """The label of a row that shows no video: -1, int32 [], or none of the classes, bool [k].

    truth: rows of `ground_truth`, [n] or [n, k].
    """
    return np.full(truth.shape[1:], -1 if truth.ndim == 1 else False, truth.dtype)
