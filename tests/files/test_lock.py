"""One holder of a file or folder at a time, over processes."""

import errno
import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from ila_jax.files.lock import only_writer, try_lock

# The lock of a file and that of a folder, as programs without this package take them.
HOLD = """
import fcntl, os, sys
folder = os.path.isdir(sys.argv[1])
file = os.open(sys.argv[1], os.O_RDONLY if folder else os.O_RDWR)
(fcntl.flock if folder else fcntl.lockf)(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path):
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield other


def test_a_file_is_held_until_its_process_ends(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with path.open("r+") as file, held(path) as other:
        assert not try_lock(file)
        other.kill()
        other.wait()
        assert try_lock(file)


def test_a_folder_is_held_as_a_file_is(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    with held(tmp_path):
        assert not try_lock(folder)
    assert try_lock(folder)
    os.close(folder)
    assert list(tmp_path.iterdir()) == []  # nothing is written into it


def test_one_writer(tmp_path):
    folder = tmp_path / "made" / "here"
    only_writer(folder, "two").close()
    with held(folder / "lock"), pytest.raises(ValueError, match=r"^it is taken$"):
        only_writer(folder, "it is taken")
    with only_writer(folder, "two"):
        pass


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    only_writer(tmp_path, "it is taken").close()
    with (tmp_path / "lock").open("w") as file, pytest.raises(OSError, match="No locks"):
        try_lock(file)
