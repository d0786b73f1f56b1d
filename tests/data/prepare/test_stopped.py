"""Preparation that is stopped, at any moment and in any way, ends with the very same files."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ila_jax.data.sources.prepared import PreparedSource
from ila_jax.files import publish
from tests.data.sessions import all_ended, processes_of
from tests.data.small_set import NAMES, arguments, files, prepare_here, write_set
from tests.data.videos import H264, write_video


class Stopped(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    return write_set(tmp_path_factory.mktemp("videos"))


def test_stopped_before_and_after_each_file_gets_its_name(videos, tmp_path, monkeypatch):
    prepare_here(videos, tmp_path / "whole", "first.txt")
    whole = files(tmp_path / "whole")
    replace, moment = os.replace, 0
    while True:
        done = 0

        def stopping(source, target, moment=moment):
            nonlocal done
            if done == moment // 2:
                if moment % 2:
                    replace(source, target)
                raise Stopped
            done += 1
            replace(source, target)

        target = tmp_path / str(moment)
        monkeypatch.setattr(publish.os, "replace", stopping)
        # A process that is killed does not tidy up.
        monkeypatch.setattr(Path, "unlink", lambda *args, **kwargs: None)
        try:
            prepare_here(videos, target, "first.txt")
        except Stopped:
            monkeypatch.undo()
            if (target / "dataset_info.json").exists():  # a reader may take it for whole
                assert len(PreparedSource(str(target), "train")) == 4
            prepare_here(videos, target, "first.txt")
            assert files(target) == whole
            moment += 1
        else:
            break
    # Shards and their records, settings, index, two lists, and TFDS's three files: all were hit.
    assert moment == 2 * (2 + 2 + 1 + 1 + 2 + 3)


def command(*args: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ila_jax.data.prepare", *args],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill_and_go_on(root: Path, target: Path, kills: int, most: float) -> None:
    """Kills the command at random moments from its first shard on, then lets it end."""
    rng = random.Random(0)
    for _ in range(kills):
        started = command(*arguments(root, target, "--processes", "2"))
        while started.poll() is None and not list(target.glob(".partial-*")):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, most))
        started.send_signal(signal.SIGKILL)
        started.communicate()
        assert started.returncode == -signal.SIGKILL
        assert all_ended(started.pid)
    last = command(*arguments(root, target, "--processes", "2"))
    _, said = last.communicate()
    assert last.returncode == 0, said


def test_killed_and_started_again(videos, tmp_path):
    prepare_here(videos, tmp_path / "whole")
    kill_and_go_on(videos, tmp_path / "killed", kills=1, most=0.0)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.mark.slow
def test_killed_ten_times(tmp_path):
    """160 videos in 40 shards, so that every kill meets others at work."""
    lines = []
    for i in range(160):
        write_video(tmp_path / f"{i}.mp4", options=H264, size=(96, 128), count=150, offset=i)
        lines.append(f"{i}.mp4 {i % 3}\n")
    (tmp_path / "train.txt").write_text("".join(lines))
    (tmp_path / "classes.txt").write_text("".join(f"{name}\n" for name in NAMES))
    prepare_here(tmp_path, tmp_path / "whole")
    kill_and_go_on(tmp_path, tmp_path / "killed", kills=10, most=0.5)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_stopped_by_ctrl_c(videos, tmp_path):
    """While workers still import what they need, which is when they could complain."""
    started = command(*arguments(videos, tmp_path / "out"))
    while len(processes_of(started.pid)) < 3:  # itself, multiprocessing's tracker and a worker
        assert started.poll() is None
        time.sleep(0.005)
    time.sleep(0.1)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    _, said = started.communicate()
    assert (started.returncode, said.decode()) == (130, "stopped\n")
    assert all_ended(started.pid)
