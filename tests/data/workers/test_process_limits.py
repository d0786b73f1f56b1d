"""Too few open files or too little shared memory is an error before a process is started."""

import contextlib
import os
import resource
from types import SimpleNamespace

import pytest

from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.workers import process_limits
from ila_jax.data.workers.process_limits import check_processes


@contextlib.contextmanager
def open_files(limit):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_open_files():
    used = len(os.listdir("/proc/self/fd"))
    with open_files(used + 60):
        check_processes(2)
    with (
        open_files(used + 30),
        pytest.raises(OSError, match=r"2 loading processes need about 40 open files.*ulimit -n"),
    ):
        check_processes(2)


def test_shared_memory(monkeypatch):
    check_processes(8)
    usage = SimpleNamespace(free=700_000)
    monkeypatch.setattr(process_limits.shutil, "disk_usage", lambda _: usage)
    check_processes(4)
    with pytest.raises(OSError, match=r"about 0.8 MB.*/dev/shm has 0.7 MB free.*shm-size"):
        check_processes(8)


def test_a_video_is_not_at_fault_where_no_file_can_be_opened_any_more(tmp_path):
    """Or a run would put good videos on its list of bad ones."""
    (tmp_path / "a.mp4").write_bytes(b"x")
    source = ListSource([LabelledFile(str(tmp_path / "a.mp4"), 0)])
    with open_files(3), pytest.raises(OSError, match="Too many open files"):
        source.read(0)
    assert source.read(0) == b"x"
