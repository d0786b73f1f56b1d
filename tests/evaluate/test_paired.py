"""The words of a comparison of two evaluations, and which two cannot be compared."""

from pathlib import Path

import numpy as np
import pytest

from ila_jax.evaluate import paired
from ila_jax.evaluate.paired import Changed, Paired

ONE, OTHER = Path("A"), Path("B")


def test_of_many_changed_videos_the_first_twenty_are_listed():
    changed = [Changed(f"{k}.mp4", "up", "up", "down") for k in range(20)]
    changed += [Changed("x.mp4", "up", None, "up")] * 3
    metrics = {"top1": {"A": 0.75, "B": 0.5}, "top5": {"A": 1.0, "B": 1.0}}
    pair = Paired(4, 5, 1, 2, 0.21875, metrics, tuple(changed), classes=2)
    lines = paired.described(pair, ONE, OTHER)
    assert "12 videos that both could read, of which A has 9 right and B 5" in lines
    assert "top-1 of them: A 75.00%, B 50.00%" in lines
    assert "top-5" not in lines  # of two classes
    assert "p = 0.219" in lines
    assert lines.splitlines()[-3:] == [
        "  18.mp4 (up): A up, B down",
        "  19.mp4 (up): A up, B down",
        "  and 3 more: --output FILE writes all",
    ]
    pair = Paired(1, 0, 0, 0, 1.0, {}, tuple(changed[-1:]), classes=2)
    words = paired.described(pair, ONE, OTHER)
    assert words.endswith("say different things:\n  x.mp4 (up): A cannot read it, B up")


def test_without_a_video_there_is_no_metric():
    empty = np.zeros((0, 3))
    assert paired._metrics([empty, empty], np.zeros(0, int)) == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"videos": "1f"}, "videos or labels: 0e and 1f"), ({"classes": ["b"]}, "classes")],
)
def test_evaluations_of_different_lists_are_refused(changes, words):
    same = {"videos": "0e", "classes": ["a"]}
    paired._check_same(ONE, OTHER, same, same)
    with pytest.raises(ValueError, match=f"A and B are of different {words}"):
        paired._check_same(ONE, OTHER, same, same | changes)
