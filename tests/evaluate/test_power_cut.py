"""The parts of an evaluation go when its results are on the disk, and not a moment before."""

import pytest

from ila_jax.evaluate.evaluator import evaluate
from tests.disk_calls import recorded
from tests.evaluate import made_up


@pytest.fixture(scope="module")
def subject(pairs):
    return made_up.subject(pairs)


def test_results_are_on_the_disk_before_the_parts_go(subject, tmp_path):
    folder = tmp_path / "evaluation"
    made_up.write_parts(folder, subject, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        calls = recorded(patch)
        assert evaluate(subject, folder)
    steps = [f"sync {tmp_path.name}/"]  # the folder's own name
    for name in ("predictions.parquet", "report.html", "result.json"):
        steps += [f"sync {name}", f"rename {name}", "sync evaluation/"]
    start = calls.index(steps[0])
    deleted = [call for call in calls if call.endswith(".npz")]
    assert calls[start : start + len(steps)] == steps
    assert len(deleted) == 4
    assert all(call.startswith("unlink") for call in deleted)
    assert min(calls.index(call) for call in deleted) >= start + len(steps)


def test_a_part_is_on_the_disk_before_the_next(subject, tmp_path, monkeypatch):
    calls = recorded(monkeypatch)
    made_up.write_parts(tmp_path, subject, seed=0)
    names = ("00000000-00000005", "00000005-00000010", "00000010-00000015", "00000015-00000016")
    steps = [(f"sync {name}.npz", f"rename {name}.npz", "sync parts/") for name in names]
    assert calls == [call for step in steps for call in step]


def test_after_a_kill_the_result_s_name_is_on_the_disk_before_the_parts_go(subject, tmp_path):
    """The kill came between the last rename and its sync: the name may be in memory alone."""
    folder = tmp_path / "evaluation"
    made_up.evaluation(folder, subject)
    with pytest.MonkeyPatch.context() as patch:
        calls = recorded(patch)
        assert evaluate(subject, folder)
    assert calls[0] == "sync evaluation/"
    assert len([call for call in calls if call.endswith(".npz")]) == 4
    assert not (folder / "parts").exists()
