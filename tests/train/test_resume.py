"""A run that is killed, stopped or out of disk ends as if nothing had happened."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ila_jax
from ila_jax.data.clips.views import evaluation_views
from ila_jax.files import writable
from ila_jax.train import loop
from ila_jax.train.__main__ import main
from tests.train import runs


def test_an_undisturbed_run_writes_what_it_promises(undisturbed):
    names = {path.name for path in undisturbed.iterdir()}
    assert names == {"config.json", "metrics.jsonl", "checkpoints", "tensorboard", "profile"}
    assert list((undisturbed / "tensorboard").iterdir())
    entries = runs.entries(undisturbed)
    trained = [entry for entry in entries if "train/loss" in entry]
    validated = [entry for entry in entries if "val/top1" in entry]
    assert [entry["step"] for entry in trained] == list(range(1, 201))
    assert [entry["step"] for entry in validated] == [100, 200]
    assert validated[-1]["val/videos"] == 16
    assert len([key for key in validated[-1] if key.startswith("val/class/")]) == 8
    assert len(list((undisturbed / "checkpoints" / "latest").iterdir())) == 2
    assert len(list((undisturbed / "checkpoints" / "best").iterdir())) == 1


def test_its_model_looks_at_videos_as_its_evaluation_does(undisturbed, pairs):
    model = ila_jax.load(undisturbed)
    assert model.views == evaluation_views(runs.config(pairs))
    assert model.class_names == tuple(Path(pairs["data.class_names"]).read_text().splitlines())


def test_it_writes_where_its_time_goes_and_a_trace_with_the_names_of_the_code(undisturbed):
    lines = [json.loads(line) for line in (undisturbed / "metrics.jsonl").read_text().splitlines()]
    times = [line for line in lines if "time/step_ms" in line]
    assert [line["step"] for line in times] == list(range(2, 201))  # the first was compiled
    for line in times:
        parts = [line[f"time/{name}_ms"] for name in ("host", "device", "data")]
        assert min(parts) >= 0
        assert sum(parts) == pytest.approx(line["time/step_ms"])
        assert line["time/clips_per_second"] == pytest.approx(8e3 / line["time/step_ms"])
        assert 0 < line["time/mfu"] < 1
    (trace,) = (undisturbed / "profile").rglob("*.xplane.pb")
    found = trace.read_bytes()
    for scope in ("augment", "block0", "alignment", "attention", "mlp", "mit", "head", "optimizer"):
        assert re.search(rb"[(/]%s[)/]" % scope.encode(), found), scope


def test_sigkill_in_mid_epoch_changes_nothing(tmp_path, pairs, cache, undisturbed):
    process = runs.start(tmp_path / "run", pairs, cache=cache)
    runs.wait_for_checkpoint(process, tmp_path / "run", 20)
    process.kill()
    process.communicate()
    assert max(entry["step"] for entry in runs.entries(tmp_path / "run")) < 200
    # Without loading threads this time: the batches must not depend on them.
    said = runs.finish(runs.start(tmp_path / "run", pairs | {"data.threads": 0}, cache=cache))
    assert "going on from step" in said
    assert runs.differences(tmp_path / "run", undisturbed) == []


def test_sigterm_saves_exits_with_0_and_changes_nothing(tmp_path, pairs, cache, undisturbed):
    process = runs.start(tmp_path / "run", pairs, cache=cache)
    runs.wait_for_step(process, tmp_path / "run", 22)
    process.send_signal(signal.SIGTERM)
    said = runs.finish(process)
    assert "stopped at step" in said
    stopped_at = int(said.split("stopped at step ")[1].split(",")[0])
    assert runs.final_state(tmp_path / "run")["['step']"] == stopped_at < 200
    said = runs.finish(runs.start(tmp_path / "run", pairs, cache=cache))
    assert f"going on from step {stopped_at}" in said
    assert runs.differences(tmp_path / "run", undisturbed) == []


def test_a_stop_while_the_last_validation_is_made_up_for(
    tmp_path, pairs, undisturbed, monkeypatch, capsys
):
    """The last step is saved, its score is missing: a stop leaves it so, the next start scores."""
    workdir = tmp_path / "run"
    shutil.copytree(undisturbed, workdir)
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    (workdir / "metrics.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    with monkeypatch.context() as patched:
        patched.setattr(loop, "stop_requests", lambda *_: contextlib.nullcontext(lambda: True))
        assert main(runs.arguments(workdir, pairs)) == 0
    assert "stopped at step 200" in capsys.readouterr().err
    assert "val/top1" not in runs.entries(workdir)[-1]
    assert main(runs.arguments(workdir, pairs)) == 0
    assert "all 200 steps are done" in capsys.readouterr().err
    assert runs.entries(workdir)[-1].keys() == runs.entries(undisturbed)[-1].keys()


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_the_last_checkpoint(tmp_path, pairs, cache, undisturbed):
    process = runs.start(tmp_path / "run", pairs, cache=cache)
    runs.wait_for_checkpoint(process, tmp_path / "run", 20)
    # From here on no file of the run may grow beyond 4 KiB: writing fails, as on a full disk.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "error: " in err
    assert "Traceback" not in err
    there = {path.name for path in (tmp_path / "run" / "checkpoints" / "latest").iterdir()}
    assert "20" in there
    said = runs.finish(runs.start(tmp_path / "run", pairs, cache=cache))
    assert "going on from step 20" in said
    assert runs.differences(tmp_path / "run", undisturbed) == []


@pytest.mark.slow
def test_a_full_file_system_keeps_the_last_checkpoint(tmp_path, pairs, cache, undisturbed):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        process = runs.start(disk / "run", pairs, cache=cache)
        runs.wait_for_checkpoint(process, disk / "run", 20)
        with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
            while process.poll() is None:
                ballast.write(bytes(1 << 16))
        err = process.communicate(timeout=300)[1]
        assert process.returncode == 1
        assert "error: " in err
        assert "no space is left on the device: make room" in err
        assert "Traceback" not in err
        (disk / "ballast").unlink()
        said = runs.finish(runs.start(disk / "run", pairs, cache=cache))
        assert "going on from step" in said
        assert "warning" not in said
        assert runs.differences(disk / "run", undisturbed) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_stop_file_ends_one_run_which_is_saved(tmp_path, pairs, cache):
    run, rarely = tmp_path / "run", pairs | {"train.checkpoint_every": 1000}
    process = runs.start(run, rarely, cache=cache)
    runs.wait_for_step(process, run, 5)
    (run / "stop").touch()
    said = runs.finish(process)
    assert f"{run / 'stop'} is there: stopping after this step" in said
    stopped_at = int(said.split("stopped at step ")[1].split(",")[0])
    assert runs.final_state(run)["['step']"] == stopped_at < 200
    process = runs.start(run, rarely, cache=cache)
    runs.wait_for_step(process, run, stopped_at + 1)
    assert not (run / "stop").exists()
    process.kill()
    assert f"going on from step {stopped_at}" in process.communicate()[1]


def test_weights_that_are_not_there_or_do_not_fit(tmp_path, pairs, undisturbed, capsys):
    run = tmp_path / "run"
    none = pairs | {"initial.scratch": False}
    runs.fails(capsys, run, none, "python -m ila_jax.convert", "initial.scratch=True")
    runs.fails(capsys, run, none | {"initial.pretrained": str(tmp_path)}, "is no model")
    other = none | {"initial.pretrained": str(undisturbed), "model.frames": 8}
    runs.fails(capsys, run, other, "frames: 4, 8")
    runs.fails(capsys, run, none | {"initial.resume": str(tmp_path)}, "holds no checkpoint")
    resumed = none | {"initial.resume": str(undisturbed)}
    runs.fails(capsys, run, resumed, "is at step 200, train.steps is 200")
    other = {"train.steps": 299, "optimizer.clip_norm": 0}
    runs.fails(capsys, run, resumed | other, "optimizer.clip_norm: 1.0, 0.0")
    assert not run.exists()


def test_a_finished_run_is_made_longer_in_a_folder_whose_name_is_no_text(
    tmp_path, pairs, undisturbed, capsys
):
    run = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(undisturbed, run)
    longer = pairs | {"train.steps": 208}
    assert main(runs.arguments(run, longer)) == 0
    said = capsys.readouterr().err
    # The cosine from 1e-3 at step 1 to 1e-5 at step 207, at step 200.
    assert "train.steps was 200 and is 208: the learning rate was 1.00e-05 in the last" in said
    assert "goes on at 1.28e-05, where the schedule of 208 steps is by now" in said
    entries = [entry for entry in runs.entries(run) if "train/rate" in entry]
    assert [entry["step"] for entry in entries] == list(range(1, 209))
    angle = np.pi * (np.arange(200, 208) - 2) / (207 - 2)
    want = 1e-5 + (1e-3 - 1e-5) * (1 + np.cos(angle)) / 2
    assert [entry["train/rate"] for entry in entries[200:]] == pytest.approx(want, rel=1e-4)
    assert runs.entries(run)[-1]["step"] == 208
    assert "val/top1" in runs.entries(run)[-1]
    assert ila_jax.load(f"{run}@208").config == ila_jax.load(undisturbed).config
    # The end that it has now is what counts; it does not become shorter.
    runs.fails(capsys, run, pairs, "train.steps is 200, and the run in", "has done 208")
    assert json.loads((run / "config.json").read_text())["train"]["steps"] == 208
    assert main(runs.arguments(run, longer)) == 0
    assert "all 208 steps are done" in capsys.readouterr().err


def test_folders_that_cannot_hold_a_run(tmp_path, pairs, capsys, monkeypatch):
    """All of it before anything is drawn, trained or written."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("gone")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.json").write_text("{}")
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "config.json").write_text('{"model_type": "clip", "train": {}}')
    before = sorted(tmp_path.rglob("*"))
    runs.fails(capsys, tmp_path / "file", pairs, "file cannot be a folder: it is a file")
    runs.fails(capsys, tmp_path / "file" / "run", pairs, "file is a file")
    runs.fails(capsys, tmp_path / "link", pairs, "is a link to gone, which is not there")
    runs.fails(capsys, tmp_path / "weights", pairs, "holds weights: give another --workdir")
    runs.fails(capsys, tmp_path / "clip", pairs, "is not the configuration of a run")
    runs.fails(capsys, tmp_path / ("a" * 300), pairs, "the path is too long")
    monkeypatch.setattr(writable.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert main(runs.arguments(tmp_path / "run", pairs)) == 1  # once the state's size is known
    said = capsys.readouterr().err
    assert "error: a checkpoint of this run takes" in said
    assert "make room" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_another_configuration_in_the_same_folder(undisturbed, pairs, capsys):
    free = {"data.threads": 0, "mesh.fsdp": -1}
    changed = pairs | free | {"train.seed": 1, "optimizer.rate": 1e-2}
    seed, rate = "train.seed: 0, 1", "optimizer.rate: 0.001, 0.01"
    error = runs.fails(capsys, undisturbed, changed, seed, rate)
    assert not any(key in error for key in free)
