"""Worker processes: a video that hangs or crashes one is named, and everything else is done."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ila_jax.data.video.bad import Reason
from ila_jax.data.workers import pool
from tests.data.sessions import all_ended, processes_of


@dataclass(frozen=True)
class Numbers:
    """Adds the numbers below 4·(task+1) from 4·task on, and comes to grief as it is told to."""

    hangs: int = -1
    crashes: int = -1
    once: str = ""  # a file that says that it has crashed already
    fails: int = -1
    closes: float = 0.0  # seconds after the last item

    def __call__(self, task, skip, begin):
        total = 0
        for item in range(4 * task, 4 * task + 4):
            begin(item)
            if item in skip:
                continue
            if item == self.hangs:
                time.sleep(600)
            if item == self.crashes and not (self.once and Path(self.once).exists()):
                if self.once:
                    Path(self.once).touch()
                os.kill(os.getpid(), signal.SIGSEGV)
            if item == self.fails:
                raise OSError(28, "No space left on device")
            total += item
        begin(pool.NO_ITEM)
        time.sleep(self.closes)
        return total, dict(skip)


def results(work, **options):
    began = []
    found = dict(pool.run(work, range(3), processes=2, progress=began.append, **options))
    return found, sum(began)


def test_results_of_all_tasks():
    assert results(Numbers(), limit=60) == ({0: (6, {}), 1: (22, {}), 2: (38, {})}, 12)


def test_a_video_that_hangs_and_one_that_crashes_are_left_out():
    found, began = results(Numbers(hangs=5, crashes=10), limit=2)
    assert found == {
        0: (6, {}),
        1: (17, {5: (Reason.TOO_SLOW, None)}),
        2: (28, {10: (Reason.CRASHES, -signal.SIGSEGV)}),
    }
    assert began == 12  # what is begun again counts once


def test_a_worker_that_is_killed_once_was_not_ended_by_its_video(tmp_path):
    found, _ = results(Numbers(crashes=10, once=str(tmp_path / "once")), limit=60)
    assert found[2] == (38, {})


def test_what_follows_the_last_video_has_its_time():
    assert results(Numbers(closes=1.5), limit=1) == ({0: (6, {}), 1: (22, {}), 2: (38, {})}, 12)


def test_errors_reach_the_caller():
    with pytest.raises(OSError, match="No space left"):
        results(Numbers(fails=1), limit=60)


def test_a_worker_that_hangs_dies_with_its_parent():
    script = (
        "from tests.data.workers.test_pool import Numbers; from ila_jax.data.workers import pool\n"
        "run = pool.run(Numbers(hangs=1), range(1), processes=1, limit=600, progress=print)\n"
        "list(run)"
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.stdout.readline()  # the second item is begun
        assert len(processes_of(parent.pid)) >= 2
        parent.kill()
    assert all_ended(parent.pid)
