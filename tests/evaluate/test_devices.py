"""One device, eight devices and two processes score alike; kills change nothing."""

import random
import signal
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.evaluate.evaluations import FILES, LISTED, MISSING, arguments, start, start_two
from tests.train import runs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one(listing, weights, tmp_path_factory):
    """Folder of an evaluation on one device."""
    folder = tmp_path_factory.mktemp("evaluations") / "one"
    runs.finish(start(arguments(weights(listing), folder, listing)))
    return folder


def rows(folder):
    return pq.read_table(folder / "predictions.parquet").to_pylist()


def same(folder, expected):
    """Each listed video once, in order, and the same said of it to 1e-6."""
    found = rows(folder)
    assert len(found) == LISTED
    assert [row["readable"] for row in found].count(False) == 1
    assert found[MISSING]["reason"] == "MISSING"
    for row, other in zip(found, rows(expected), strict=True):
        for name in ("video", "label", "readable", "reason", "short", "predicted"):
            assert row[name] == other[name]
        for name in ("probabilities", "view_probabilities", "points"):
            if row["readable"]:
                np.testing.assert_allclose(row[name], other[name], atol=1e-6, rtol=0)


def test_eight_devices_score_as_one(listing, weights, one, tmp_path):
    given = arguments(weights(listing), tmp_path / "eight", listing)
    runs.finish(start(given, devices=8))
    same(tmp_path / "eight", one)


def test_two_processes_write_one_result(listing, weights, one, tmp_path):
    """SIGTERM to the second alone stops both; the same command goes on."""
    folder = tmp_path / "two"
    given = arguments(weights(listing), folder, listing)
    processes = start_two(given, devices=2)
    wait_for_parts(processes[0], folder, 1)
    processes[1].send_signal(signal.SIGTERM)
    said = [runs.finish(process) for process in processes]
    assert "stopped: the same command goes on" in said[0]
    assert "stopped: the same" not in said[1]
    assert 1 <= parts(folder) < 8
    said = [runs.finish(process) for process in start_two(given, devices=2)]
    assert f"{LISTED} videos listed, {LISTED - 1} read" in said[0]
    assert "listed" not in said[1]
    assert "video/s" not in said[1]  # one bar
    same(folder, one)


def test_five_kills_leave_the_same_files(listing, weights, tmp_path):
    """At random moments, in the middle of a batch or of a file. A batch is of one video."""
    folder, whole, draw = tmp_path / "killed", tmp_path / "whole", random.Random(0)
    overrides = listing | {"evaluation.batch": 4}
    runs.finish(start(arguments(weights(listing), whole, overrides)))
    given = arguments(weights(listing), folder, overrides)
    for _ in range(5):
        process = start(given)
        wait_for_parts(process, folder, parts(folder) + 1)
        time.sleep(draw.uniform(0, 0.01))
        process.kill()
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    assert 5 <= parts(folder) < LISTED
    assert not (folder / "result.json").exists()
    runs.finish(start(given))
    for name in FILES:
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


def parts(folder):
    return len(list((folder / "parts").glob("*.npz")))


def wait_for_parts(process, folder, count):
    """Returns when so many parts are written."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if parts(folder) >= count:
            return
        time.sleep(0.002)
    raise AssertionError(f"it did not get there: {process.communicate()[1]}")
