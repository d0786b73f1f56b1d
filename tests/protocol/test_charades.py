"""Charades' mAP by hand, with a video that has no action."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ila_jax.protocol.charades import charades_map


def write(folder, labels, probabilities, readable):
    columns = {
        "labels": pa.array(labels, pa.list_(pa.int32())),
        "readable": pa.array(readable),
        "probabilities": pa.array(probabilities, pa.list_(pa.float64())),
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")


def test_a_video_without_any_action_counts_nowhere(tmp_path):
    # Class 0 in its order: the one without an action, a hit, a miss, a hit. Without the first, the
    # precisions at the hits are 1 and 2/3. Class 1 has one hit, behind one other; class 2 none.
    write(
        tmp_path,
        [[], [0], [1], [0], [0]],
        [[0.9, 0.9, 0.1], [0.8, 0.1, 0.1], [0.7, 0.4, 0.1], [0.6, 0.5, 0.1], None],
        [True, True, True, True, False],
    )
    assert charades_map(tmp_path) == pytest.approx((5 / 6 + 1 / 2) / 2, abs=1e-12)


def test_videos_without_any_action_alone_have_none(tmp_path):
    write(tmp_path, [[], []], [[0.9, 0.9], [0.8, 0.1]], [True, True])
    assert charades_map(tmp_path) == 0
