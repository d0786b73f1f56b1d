"""Compiled programs are kept in the user's cache folder, and read by the next start."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ila_jax import compilation_cache
from tests.data.videos import H264, write_video
from tests.test_commands import ROOT

# As a command does it, with one program; `reads` counts the programs that jax found in its folder.
COMPILES = """
import sys
from ila_jax import compilation_cache

if len(sys.argv) > 2:
    compilation_cache.LIMIT = int(sys.argv[2])

import jax

reads = []
jax.monitoring.register_event_listener(
    lambda event, **_: reads.append(event) if event.endswith("/cache_hits") else None
)
compilation_cache.use_compilation_cache(no_cache=sys.argv[1] == "--no-cache")
jax.jit(lambda x: x @ x + 1)(jax.numpy.ones((3, 3))).block_until_ready()
print(len(reads))
"""


def compiles(home, *arguments, **environment):
    """How many programs a process found compiled, and what it said on stderr."""
    done = at_home(home, "-c", COMPILES, *(arguments or ("",)), **environment)
    return int(done.stdout), done.stderr


def at_home(home, *arguments, **environment):
    """What Python says with a home of its own, as for a user who has set nothing."""
    own = {"HOME": str(home), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    unset = ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=inherited | own | environment,
        capture_output=True,
        text=True,
        check=True,
    )


COMPILING = ["train", "evaluate", "compare", "extract", "predict", "serve"]


def compiled(caches):
    """The folder of this machine's programs, in a user's folder of caches."""
    return caches / "ila_jax" / "compiled" / compilation_cache.processor_kind()


def entries(folder):
    return sorted(path.name for path in folder.glob("*-cache"))


def test_the_first_run_writes_says_where_and_the_second_reads(tmp_path):
    folder = compiled(tmp_path / ".cache")
    assert compiles(tmp_path) == (
        0, f"compiled programs are kept in {folder.parent} (not with --no-cache)\n"
    )  # fmt: skip
    written = entries(folder)
    assert written
    assert folder.stat().st_mode & 0o777 == 0o700
    reads, said = compiles(tmp_path)
    assert (reads, said) == (len(written), "")
    assert entries(folder) == written


def test_another_kind_of_processor_has_a_folder_of_its_own(monkeypatch):
    here = compilation_cache.cache_folder()
    monkeypatch.setattr("platform.processor", lambda: "another")
    assert compilation_cache.cache_folder().parent == here.parent
    assert compilation_cache.cache_folder() != here


def test_no_cache_writes_and_reads_none(tmp_path):
    assert compiles(tmp_path, "--no-cache") == (0, "")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_jax_was_told_stays(tmp_path):
    home, mine = tmp_path / "home", tmp_path / "mine"
    assert compiles(home, JAX_COMPILATION_CACHE_DIR=str(mine)) == (0, "")
    assert entries(mine)
    assert not home.exists()


def test_the_folder_of_caches_is_the_users(tmp_path):
    compiles(tmp_path, XDG_CACHE_HOME=str(tmp_path / "caches"))
    assert entries(compiled(tmp_path / "caches"))
    assert not (tmp_path / ".cache").exists()


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere"])
def test_a_home_that_cannot_be_written_is_no_error(home):
    reads, said = compiles(home)
    assert reads == 0
    assert said == (
        f"compiled programs are not kept for the next start: {home}/.cache/ila_jax/compiled cannot "
        "be written to (JAX_COMPILATION_CACHE_DIR names another folder)\n"
    )


def test_entries_stay_below_the_limit(tmp_path):
    compiles(tmp_path)
    folder = compiled(tmp_path / ".cache")
    written = entries(folder)
    largest = max((folder / name).stat().st_size for name in written)
    assert len(written) > 1
    for name in written:
        (folder / name).rename(folder / f"other-{name}")
        stem = name.removesuffix("-cache")
        (folder / f"{stem}-atime").rename(folder / f"other-{stem}-atime")
    # Room for one: what was used for longest goes.
    compiles(tmp_path, "", str(largest))
    assert len(entries(folder)) == 1
    assert not entries(folder)[0].startswith("other-")


def test_what_a_killed_process_left_is_compiled_anew(tmp_path):
    compiles(tmp_path)
    folder = compiled(tmp_path / ".cache")
    written = entries(folder)
    cut = folder / written[0]
    cut.write_bytes(cut.read_bytes()[:10])
    Path(str(cut).removesuffix("-cache") + "-atime").unlink()
    assert compiles(tmp_path) == (len(written) - 1, "")
    assert entries(folder) == written


@pytest.mark.parametrize("name", COMPILING)
def test_every_command_that_compiles_has_the_argument(name):
    module = importlib.import_module(f"ila_jax.{name}.__main__")
    assert "--no-cache" in module._parser().format_help()
    assert "use_compilation_cache(no_cache=options.no_cache" in inspect.getsource(module)


def test_a_command_keeps_what_it_compiles(weights, tmp_path):
    video = tmp_path / "video.mp4"
    write_video(video, options=H264)
    command = ("-m", "ila_jax.predict", weights, str(video), "--clips=1", "--crops=1")
    without = at_home(tmp_path, *command, "--no-cache")
    assert sorted(tmp_path.iterdir()) == [video]
    first, second = (at_home(tmp_path, *command) for _ in range(2))
    assert first.stdout == second.stdout == without.stdout
    assert "compiled programs are kept in" in first.stderr
    assert second.stderr == without.stderr
    assert entries(compiled(tmp_path / ".cache"))
