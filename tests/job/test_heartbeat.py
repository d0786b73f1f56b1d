"""A run that hangs ends in words: real processes, one of them stopped, hung or killed."""

import json
import signal
import subprocess
import sys
import time

import jax
import pytest

from ila_jax.job.heartbeat import COMPUTING, LOADING, Heartbeat, Place, described, is_of_jax
from tests.train import runs

LIMIT = 3.0  # seconds
# Steps together with the others, as a collective makes them: none starts one before all are there.
# argv: folder, process, processes, limit, time after which a silent process is lost, and at which
# step this one hangs in a decoder, or ends with an error.
PROCESS = """
import sys, time
from pathlib import Path
from ila_jax.job import heartbeat as module
from ila_jax.job.heartbeat import COMPUTING, LOADING, Heartbeat

folder, process, processes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
limit, module._LOST_AFTER = float(sys.argv[4]), float(sys.argv[5])
hangs_at, fails_at = int(sys.argv[6]), int(sys.argv[7])
beats = folder / "heartbeats"
beating = Heartbeat(beats, process=process, processes=processes, limit=limit, every=0.1)
with beating as heartbeat, heartbeat.ending():
    for step in range(40):
        heartbeat.beat(step, LOADING)
        if step == hangs_at:
            time.sleep(1000)
        if step == fails_at:
            raise OSError("no space left on device")
        heartbeat.beat(step, COMPUTING)
        (folder / f"{process}-{step}").touch()
        while not all((folder / f"{p}-{step}").exists() for p in range(processes)):
            time.sleep(0.01)
        time.sleep(0.05)
"""


def _start(folder, *, processes=2, limit=LIMIT, lost=75.0, hangs=None, fails=None):
    """hangs, fails: (process, step)."""

    def start(process):
        at = [step if of == process else -1 for of, step in (hangs or (-1, -1), fails or (-1, -1))]
        arguments = [str(x) for x in (folder, process, processes, limit, lost, *at)]
        return subprocess.Popen(
            [sys.executable, "-c", PROCESS, *arguments],
            cwd=runs.ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )

    return [start(process) for process in range(processes)]


def _wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


def test_an_undisturbed_run_leaves_nothing_behind(tmp_path):
    for process in _start(tmp_path):
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 0
    assert not (tmp_path / "heartbeats").exists()


@pytest.mark.parametrize(
    ("number", "limits"),
    [
        (signal.SIGSTOP, {"limit": LIMIT}),
        (signal.SIGKILL, {"limit": LIMIT}),
        (signal.SIGSTOP, {"limit": 1000.0, "lost": 2.0}),
    ],
)
def test_the_other_names_a_process_that_was_stopped_or_died(tmp_path, number, limits):
    first, second = _start(tmp_path, **limits)
    _wait_for(tmp_path / "1-5")
    second.send_signal(number)
    try:
        err = first.communicate(timeout=60)[1]
    finally:
        second.kill()
        second.communicate()
    assert first.returncode == 1
    assert f"process 1 (host {_host()}, pid {second.pid}) at step" in err
    assert "it gives no sign of life: it was stopped, or has died" in err
    assert f"process 0 (host {_host()}, pid {first.pid}) at step" in err
    assert "in the step, and waits for it" in err
    assert f"train.hang_limit ({limits['limit']:g})" in err


@pytest.mark.slow
def test_all_name_a_process_that_hangs_in_its_decoder(tmp_path):
    processes = _start(tmp_path, processes=3, hangs=(2, 7))
    for process in processes:
        err = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert f"pid {processes[2].pid}) at step 7, loading data: the others wait for it" in err
    assert "time.sleep" not in err
    assert (
        'File "<string>", line 16 in <module>' in (tmp_path / "heartbeats" / "2.stacks").read_text()
    )


def test_an_error_of_another_process_is_told(tmp_path):
    first, second = _start(tmp_path, fails=(1, 4))
    err = first.communicate(timeout=60)[1]
    second.communicate()
    assert first.returncode == second.returncode == 1
    assert "at step 4, loading data: it ended with an error: no space left on device" in err


def test_a_process_that_was_suspended_goes_on(tmp_path):
    """Ctrl-Z, or the lid of a laptop: no beat goes by in which nothing happens."""
    (process,) = _start(tmp_path, processes=1)
    _wait_for(tmp_path / "0-5")
    process.send_signal(signal.SIGSTOP)
    time.sleep(LIMIT + 1)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0


def test_who_is_to_blame():
    def place(process, step=7, phase=COMPUTING, **values):
        return Place(process, "node", 10 + process, step, phase, **{"silent": 0.0} | values)

    here = place(0)
    said = described([here, place(1, silent=9.0), place(2, step=6)], 0, 5.0)
    assert "pid 11) at step 7, in the step: it gives no sign of life" in said
    said = described([here, place(1, step=6), place(2)], 0, 5.0)
    assert said.startswith("process 1 (host node, pid 11) at step 6, in the step: it is behind")
    said = described([here, place(1), place(2, phase=LOADING)], 0, 5.0)
    assert said.startswith("process 2 (host node, pid 12) at step 7, loading data: the others wait")
    said = described([here, place(1, silent=9.0, gave_up=True), place(2, phase=LOADING)], 0, 5.0)
    assert said.startswith("process 2 (host node, pid 12) at step 7, loading data: the others wait")
    assert described([here, place(1)], 0, 5.0).startswith("all processes wait in the same place")
    assert described([here, Place(1)], 0, 5.0).startswith(
        "process 1 (no heartbeat found): it gives"
    )
    assert described([here], 0, 5.0) == "process 0 (host node, pid 10) at step 7, in the step"


def test_the_first_step_may_take_longer(tmp_path, capsys):
    beats = tmp_path / "heartbeats"
    with Heartbeat(beats, process=0, processes=1, limit=0.02, every=0.01) as heartbeat:
        heartbeat.beat(5, LOADING)
        heartbeat.beat(5, COMPUTING)
        deadline = time.monotonic() + 60
        while json.loads((beats / "0").read_text())["idle"] < 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        (
            {"silent": 50.0},
            "pid 11) at step 7, in the step: it gives no sign of life",
        ),
        ({"error": "disk full"}, "in the step: it ended with an error: disk full"),
    ],
)
def test_an_error_that_comes_of_a_lost_process_names_it(tmp_path, peer, said):
    """What JAX raises in a step when another process is gone: words, no minutes of waiting."""
    place = {"process": 1, "host": "node", "pid": 11, "step": 7, "phase": COMPUTING}
    place |= {"error": peer.get("error")}
    code = f"""
import os, time
from pathlib import Path
import jax
from ila_jax.job.heartbeat import COMPUTING, Heartbeat
folder = Path({str(tmp_path)!r})
with Heartbeat(folder, process=0, processes=2, limit=60, every=0.1) as heartbeat:
    with heartbeat.ending():
        heartbeat.beat(7, COMPUTING)
        (folder / "1").write_text({json.dumps(place)!r})
        old = time.time() - {peer.get("silent", 0.0)}
        os.utime(folder / "1", (old, old))
        raise jax.errors.JaxRuntimeError("Connection closed by peer\\n more")
"""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=runs.ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: Connection closed by peer\n" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "of_jax"),
    [
        (jax.errors.JaxRuntimeError("INTERNAL: out of luck"), True),
        # As `multihost_utils.sync_global_devices` raises it where a process is gone.
        (ValueError("UNKNOWN: Gloo all-reduce failed: Connection closed by peer"), True),
        (ValueError("RESOURCE_EXHAUSTED: Error writing: No space left on device"), False),
        (OSError("runs/Gloo: no space left"), False),
        # TensorStore quotes the path.
        (ValueError('Error writing "/data/Gloomhaven/NCCL/run": No space left on device'), False),
    ],
)
def test_what_jax_raises_is_told_from_what_a_disk_does(error, of_jax):
    assert is_of_jax(error) is of_jax


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_one_of_two_trainers_is_gone_and_the_other_names_it(tmp_path, pairs, cache, number):
    run, overrides = tmp_path / "run", pairs | {"train.hang_limit": 30}
    first, second = runs.start_two(run, overrides, cache=cache, devices=1)
    runs.wait_for_checkpoint(first, run, 20)
    second.send_signal(number)
    try:
        err = first.communicate(timeout=120)[1]
    finally:
        second.kill()
        second.communicate()
    assert first.returncode == 1, err
    assert f"process 1 (host {_host()}, pid {second.pid}) at step" in err
    assert "it gives no sign of life: it was stopped, or has died" in err
    processes = runs.start_two(run, overrides, cache=cache, devices=1)
    assert "going on from step" in runs.finish(processes[0])
    runs.finish(processes[1])


HANGS = """
import sys, time
from ila_jax.train import loop
from ila_jax.train.__main__ import main

put, calls = loop.put_batch, []

def put_or_hang(mesh, batch):
    calls.append(batch)
    if len(calls) == 45:
        time.sleep(1000)
    return put(mesh, batch)

loop.put_batch = put_or_hang
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_trainer_that_hangs_ends_and_goes_on_from_its_checkpoint(tmp_path, pairs, cache):
    run, short = tmp_path / "run", pairs | {"train.steps": 60}
    process = runs.start(run, short | {"train.hang_limit": 4}, cache=cache, code=HANGS)
    err = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    assert "error: no progress for" in err
    assert f"pid {process.pid}) at step 44, in the step" in err
    assert "put_or_hang" in (run / "heartbeats" / "0.stacks").read_text()
    assert "going on from step 40" in runs.finish(runs.start(run, short, cache=cache))
    assert not (run / "heartbeats").exists()


def _host():
    return subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip()
