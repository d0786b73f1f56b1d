"""What counts as a checkpoint, and what is passed over: no byte is restored that was not saved."""

import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ila_jax
from ila_jax import report
from ila_jax.train import checkpoint
from ila_jax.train.checkpoint import Checkpoints, Saved
from ila_jax.weights import checksums
from tests.train import runs

CONFIG = runs.config({})
NAMES = ["left", "right"]


def _state(step: int) -> dict:
    return {"step": jnp.int32(step), "params": {"w": jnp.arange(400.0) + step}}


def _write(run: Path, steps: list[int], *, best: dict[int, float] | None = None) -> None:
    """A run's checkpoints, saved one after the other; `best`: their scores."""
    there = [int(p.name) for p in (run / "checkpoints" / "latest").glob("*") if p.name.isdigit()]
    checkpoints = Checkpoints(run / "checkpoints", keep_best=1, resumed_at=max(there, default=0))
    for step in steps:
        if best and step in best:
            checkpoints.save_scored(_state(step), CONFIG, NAMES, best[step])
        checkpoints.save(_state(step), CONFIG, NAMES)
    checkpoints.close()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    run = tmp_path_factory.mktemp("written")
    _write(run, [10, 20, 30], best={20: 0.5})
    return run


@pytest.fixture
def run(written, tmp_path):
    shutil.copytree(written, tmp_path / "run")
    return tmp_path / "run"


def test_two_latest_and_the_best_are_kept_and_nothing_else(written):
    assert _names(written / "checkpoints" / "latest") == {"20", "30"}
    assert _names(written / "checkpoints" / "best") == {"20"}
    saved = Saved(written, _unheard)
    assert saved.step == 30
    assert saved.config() == CONFIG
    np.testing.assert_array_equal(saved.state(_state(0))["params"]["w"], _state(30)["params"]["w"])


def test_a_report_names_them(run, capsys):
    (run / "config.json").write_text("{}")
    assert report.main([str(run)]) == 0
    out = capsys.readouterr().out
    assert "- latest checkpoints: 20, 30\n- best checkpoints: 20\n" in out


def test_sha256sum_understands_the_list(written):
    folder = written / "checkpoints" / "latest" / "30"
    check = ["sha256sum", "--check", "--strict", checksums.LIST]
    done = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.count("OK") == len(_files(folder)) - 1


def test_twenty_flipped_bytes_are_twenty_times_detected(run):
    """In each kind of file there is, the list of checksums among them, and in further ones."""
    folder, draw = run / "checkpoints" / "latest" / "30", random.Random(0)
    files = _files(folder)
    assert 5 < len(files) <= 20
    chosen = files + draw.choices(files, k=20 - len(files))
    for path in chosen:
        whole = path.read_bytes()
        assert whole, path
        at = draw.randrange(len(whole))
        flipped = bytes([whole[at] ^ (1 << draw.randrange(8))])
        path.write_bytes(whole[:at] + flipped + whole[at + 1 :])
        said: list[str] = []
        assert Saved(run, said.append).step == 20, (path, at)
        assert len(said) == 1
        assert str(folder) in said[0]
        with pytest.raises(ValueError, match="It is not loaded"):
            ila_jax.load(f"{run}@30")
        path.write_bytes(whole)
    assert Saved(run, _unheard).step == 30


@pytest.mark.parametrize("name", ["_CHECKPOINT_METADATA", checksums.LIST])
def test_a_missing_file_is_told_and_the_one_before_is_taken(run, name):
    (run / "checkpoints" / "latest" / "30" / name).unlink()
    said: list[str] = []
    assert Saved(run, said.append).step == 20
    assert name in said[0]
    assert "passed over for the one before, step 20" in said[0]


def test_what_was_passed_over_is_written_again(run):
    (run / "checkpoints" / "latest" / "30" / "commit_success.txt").write_text("")
    saved = Saved(run, lambda _: None)
    checkpoints = Checkpoints(run / "checkpoints", keep_best=1, resumed_at=saved.step)
    assert _names(run / "checkpoints" / "latest") == {"20"}
    checkpoints.save(_state(30), CONFIG, NAMES)
    checkpoints.close()
    assert Saved(run, _unheard).step == 30


def test_nothing_left_is_an_error_in_words(run):
    for step in ("20", "30"):
        (run / "checkpoints" / "latest" / step / checksums.LIST).write_text("")
    with pytest.raises(ValueError, match=r"(?s)no checkpoint .* whole.*30 .*20 .*\nPut a copy"):
        Saved(run, _unheard)


def test_checkpoints_of_an_earlier_version_are_told(run):
    for path in run.rglob(checksums.LIST):
        path.unlink()
    with pytest.raises(ValueError, match=r"has no checksums.sha256: .* earlier version"):
        Saved(run, _unheard)
    with pytest.raises(ValueError, match=r"no finished .* earlier version"):
        ila_jax.load(run)


def test_a_first_save_that_was_killed_before_its_list_never_counted(run):
    """The same folder as an earlier version's, but for the mark of a save under way."""
    latest = run / "checkpoints" / "latest"
    shutil.rmtree(latest / "20")
    (latest / "30" / checksums.LIST).unlink()
    (latest / "30.saving").touch()
    assert Saved(run, _unheard).step is None
    _write(run, [])
    assert _names(latest) == set()


def test_leftovers_of_killed_saves_are_removed_by_the_next_start(run):
    latest, best = run / "checkpoints" / "latest", run / "checkpoints" / "best"
    shutil.copytree(latest / "30", latest / "40.orbax-checkpoint-tmp")
    shutil.copytree(latest / "30", best / "30")  # saved, not listed
    (best / "30" / checksums.LIST).rename(best / "30" / f".{checksums.LIST}.partly")
    (best / "30.saving").touch()
    shutil.copytree(latest / "30", latest / "10")  # half deleted
    shutil.rmtree(latest / "10" / "state")
    assert Saved(run, _unheard).step == 30
    _write(run, [40])
    assert _names(latest) == {"30", "40"}
    assert _names(best) == {"20"}


def test_a_second_process_may_not_write_and_removes_nothing(run):
    under_way = run / "checkpoints" / "latest" / "40.orbax-checkpoint-tmp"
    under_way.mkdir()
    code = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w'); fcntl.lockf(lock, fcntl.LOCK_EX);"
        "print('locked', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, run / "checkpoints" / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout.readline() == "locked\n"
    with pytest.raises(ValueError, match="another process is training in"):
        Checkpoints(run / "checkpoints", keep_best=1, resumed_at=30)
    assert under_way.exists()
    other.kill()  # the lock goes with its process
    other.communicate()
    _write(run, [])
    assert not under_way.exists()


def test_the_latest_of_a_step_counts_only_after_its_best(tmp_path, monkeypatch):
    """Or a run that is killed in between would go on without ever having it."""
    listed: list[str] = []

    def write_list(folder: Path) -> None:
        if folder.parent.name == "best":
            raise OSError("no space left on device")
        listed.append(folder.name)

    monkeypatch.setattr(checkpoint, "write_list", write_list)
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep_best=1, resumed_at=0)
    checkpoints.save(_state(10), CONFIG, NAMES)
    checkpoints.save_scored(_state(20), CONFIG, NAMES, 0.5)
    checkpoints.save(_state(20), CONFIG, NAMES)
    with pytest.raises(OSError, match="no space left on device"):
        checkpoints.close()
    assert listed == ["10"]


def test_at_every_moment_a_whole_checkpoint_is_there(tmp_path, monkeypatch):
    """The list of step 20 takes its time: until it is there, 30 must not push out 10."""
    written, write_list = threading.Event(), checkpoint.write_list

    def slowly(folder: Path) -> None:
        assert folder.name != "20" or written.wait(60)
        write_list(folder)

    monkeypatch.setattr(checkpoint, "write_list", slowly)
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep_best=1, resumed_at=0)
    for step in (10, 20):
        checkpoints.save(_state(step), CONFIG, NAMES)
    third = threading.Thread(target=checkpoints.save, args=(_state(30), CONFIG, NAMES))
    third.start()
    third.join(2)
    assert third.is_alive()
    assert Saved(tmp_path, _unheard).step == 10
    written.set()
    third.join()
    checkpoints.close()
    assert Saved(tmp_path, _unheard).step == 30


def test_one_that_is_worse_than_the_best_leaves_nothing(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep_best=1, resumed_at=0)
    for step, score in ((10, 0.5), (20, 0.25)):
        checkpoints.save_scored(_state(step), CONFIG, NAMES, score)
        checkpoints.save(_state(step), CONFIG, NAMES)
    checkpoints.close()
    assert _names(tmp_path / "checkpoints" / "best") == {"10"}
    assert _names(tmp_path / "checkpoints" / "latest") == {"10", "20"}


def test_a_process_that_dies_in_a_save_is_no_fault_of_the_disk(tmp_path, monkeypatch):
    """The error is left as it is: by its type the heartbeat looks for the process that is gone."""
    checkpoints = Checkpoints(tmp_path, keep_best=1, resumed_at=0)

    def save(error):
        def fails(*_, **__):
            raise error

        monkeypatch.setattr(checkpoints._latest, "save", fails)
        checkpoints.save(_state(10), CONFIG, NAMES)

    # jax raises it as either, depending on the function.
    for kind in (jax.errors.JaxRuntimeError, ValueError):
        with pytest.raises(kind, match=r"^UNKNOWN: Gloo AllGather failed$"):
            save(kind("UNKNOWN: Gloo AllGather failed"))
    with pytest.raises(OSError, match="cannot be written to: no room"):
        save(RuntimeError("no room"))
    checkpoints.close()


def test_a_score_that_comes_after_its_checkpoint_waits_for_the_disk(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep_best=1, resumed_at=0)
    checkpoints.save(_state(10), CONFIG, NAMES)
    checkpoints.save_scored(_state(10), CONFIG, NAMES, 0.5)
    assert checksums.damage(tmp_path / "checkpoints" / "best" / "10") is None
    checkpoints.close()


def _unheard(text: str) -> None:
    raise AssertionError(f"nothing was to be said, and it said {text}")
