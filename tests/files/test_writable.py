"""Where nothing can be written, a command says so before it begins; nothing is left of the try."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ila_jax.files import plain_name, writable
from ila_jax.files.writable import check_free_space, check_writable


def test_a_folder_that_can_be_made_is_fine_and_stays_as_it_was(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "new" / "deep")
    check_writable(tmp_path / os.fsdecode(b"caf\xe9"))
    assert not list(tmp_path.iterdir())


def test_files_and_broken_links_in_the_place_of_folders(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(ValueError, match="file cannot be a folder: it is a file"):
        check_writable(tmp_path / "file")
    with pytest.raises(ValueError, match=f"run cannot be a folder: {tmp_path}/file is a file"):
        check_writable(tmp_path / "file" / "run")
    for path in ("link", "link/run"):
        with pytest.raises(ValueError, match=f"link is a link to {tmp_path}/gone, which is not"):
            check_writable(tmp_path / path)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(OSError, match="cannot be written to: the path is too long"):
        check_writable(tmp_path / ("a" * 300))


def test_no_permission():
    """As another user where the tests run as root, who may write everywhere."""
    before, nobody = os.geteuid(), 65534
    # Not tmp_path: another user may not even look into the folders above it.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        try:
            if before == 0:
                os.seteuid(nobody)
            problem = f"{folder} cannot be written to: permission is denied"
            with pytest.raises(OSError, match=problem):
                check_writable(Path(folder, "run"))
        finally:
            os.seteuid(before)


def test_too_little_room(tmp_path, monkeypatch):
    check_free_space(tmp_path / "run", 1, "it")
    usage = type("usage", (), {"free": 2_000_000})
    monkeypatch.setattr(writable.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"a run takes 3.0 MB, and .* has 2.0 MB of free space"):
        check_free_space(tmp_path / "run", 3_000_000, "a run")


def test_a_plain_name_leads_to_the_same_files(tmp_path):
    assert plain_name.plain_name(tmp_path / "é") == tmp_path / "é"
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "a").mkdir()
    plain = plain_name.plain_name(folder / "a" / "b")
    assert plain.as_posix().isascii()
    plain.write_text("x")
    assert (folder / "a" / "b").read_text() == "x"
    assert plain_name.plain_name(folder / "a") == plain.parent  # one link for all of a process


def test_links_for_plain_names_go_with_the_process(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    code = "import sys; from ila_jax.files import plain_name as p; print(p.plain_name(sys.argv[1]))"
    here = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    named = [os.fsencode(part) for part in (sys.executable, "-c", code)]
    made = subprocess.run(
        [*named, os.fsencode(tmp_path) + b"/caf\xe9"], env=here, capture_output=True, check=True
    )
    assert re.fullmatch(rf"{tmp_path}/ila_jax-\w+/folder\n", made.stdout.decode())
    assert len(list(tmp_path.iterdir())) == 1
