"""Files bear their name when they are whole, and are on the disk when the call returns."""

import errno
import hashlib
import os
import stat

import pytest

from ila_jax.files import publish as p
from tests.disk_calls import recorded


def test_bytes_then_the_name_then_the_folder(tmp_path, monkeypatch):
    """In another order a power cut could leave an empty file in the place of the one before."""
    target = tmp_path / "result.json"
    target.write_text("before")
    calls = recorded(monkeypatch)

    def write(scratch):
        assert target.read_text() == "before"
        scratch.write_text("after")
        calls.append("write")
        return 7

    assert p.publish_on_disk(target, write) == 7
    assert target.read_text() == "after"
    in_order = ["write", "sync result.json", "rename result.json", f"sync {tmp_path.name}/"]
    assert calls == in_order
    assert list(tmp_path.iterdir()) == [target]


def test_with_a_checksum(tmp_path, monkeypatch):
    calls = recorded(monkeypatch)
    assert p.publish_bytes(tmp_path / "a", b"abc") == (3, hashlib.sha256(b"abc").hexdigest())
    assert calls[-3:] == ["sync a", "rename a", f"sync {tmp_path.name}/"]


def test_text_is_utf8_and_its_rights_are_those_of_any_new_file(tmp_path):
    p.publish_text(tmp_path / "a.txt", "häß\n")
    assert (tmp_path / "a.txt").read_bytes() == "häß\n".encode()
    (tmp_path / "b.txt").touch()
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "b.txt")]
    assert rights[0] == rights[1]


def test_an_error_leaves_the_file_as_it_was(tmp_path):
    target = tmp_path / "a"
    target.write_text("before")

    def write(scratch):
        scratch.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        p.publish_on_disk(target, write)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("code", "fails"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_folder_that_cannot_be_synced(tmp_path, monkeypatch, code, fails):
    """Some file systems cannot do it, which is no error; a disk that fails is one."""
    sync = p.sync

    def refusing(path):
        if path.is_dir():
            raise OSError(code, os.strerror(code))
        sync(path)

    monkeypatch.setattr(p, "sync", refusing)
    if fails:
        with pytest.raises(OSError, match="error"):
            p.publish_text(tmp_path / "a", "text")
    else:
        p.publish_text(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"


def test_the_end_of_the_name_stays_while_it_is_written(tmp_path):
    """Libraries choose a format by it."""
    with p.renamed_when_whole(tmp_path / "weights.pth") as scratch:
        assert scratch.suffix == ".pth"
        assert scratch.parent == tmp_path
        scratch.touch()
    assert (tmp_path / "weights.pth").exists()


def test_what_a_kill_left_is_removed(tmp_path):
    for name in ("a", "b[1]"):
        with p.renamed_when_whole(tmp_path / name) as scratch:
            scratch.touch()
        (tmp_path / name).rename(scratch)
    (tmp_path / "kept").touch()
    p.remove_partial(tmp_path, "b[1]")
    assert [path.name[-2:] for path in sorted(tmp_path.iterdir())] == ["-a", "pt"]
    p.remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
