"""The Slurm script as far as a machine without Slurm shows it: what it starts, and how that joins.

`sbatch --test-only` does not exist here.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ila_jax.evaluate import __main__ as evaluate
from ila_jax.train import __main__ as train

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "slurm" / "run"
# Of Slurm's own; the rest of the line is what it is told to start.
SRUN = """#!/usr/bin/env bash
printf '%s\\n' "cpus=$SRUN_CPUS_PER_TASK" "$@"
"""


def started(tmp_path, *arguments):
    """What the script hands to srun."""
    srun = tmp_path / "srun"
    srun.write_text(SRUN)
    srun.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_CPUS_PER_TASK": "8",
        "ILA_PYTHON": sys.executable,
    }
    command = ["bash", str(SCRIPT), *arguments]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return found.stdout.splitlines()


def test_it_starts_the_trainer_in_every_task(tmp_path):
    given = ["--config", "configs/quickstart.py", "--workdir", "a run", "--config.train.batch=64"]
    found = started(tmp_path, "train", *given)
    assert found[:3] == ["cpus=8", "--kill-on-bad-exit=1", "--label"]
    assert found[3:6] == [sys.executable, "-m", "ila_jax.train"]
    known, overrides = train.read(found[6:])
    assert known.distributed
    assert known.workdir == Path("a run")
    assert overrides == [("train.batch", 64)]


def test_it_starts_an_evaluation_in_every_task(tmp_path):
    given = ["--config", "configs/quickstart.py", "--checkpoint", "a run@latest", "--output", "out"]
    found = started(tmp_path, "evaluate", *given, "--config.evaluation.crops=3")
    assert found[3:6] == [sys.executable, "-m", "ila_jax.evaluate"]
    known, overrides = evaluate.read(found[6:])
    assert known.distributed
    assert (known.checkpoint, known.output) == ("a run@latest", Path("out"))
    assert overrides == [("evaluation.crops", 3)]


def test_it_starts_nothing_else(tmp_path):
    for given in ([], ["--config", "configs/quickstart.py"], ["data.check"]):
        with pytest.raises(subprocess.CalledProcessError) as error:
            started(tmp_path, *given)
        assert error.value.returncode == 2
        assert "expected train or evaluate first" in error.value.stderr


def test_its_options_stop_in_time_go_on_and_show_each_task_all_gpus():
    lines = SCRIPT.read_text().splitlines()
    found = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", "\n".join(lines), re.M))
    # sbatch reads options only before the first command.
    last = max(i for i, line in enumerate(lines) if line.startswith("#SBATCH"))
    assert all(line.startswith("#") for line in lines[:last])
    assert found["signal"] == "TERM@120"  # to the steps, not to this script alone, as B: would
    assert found["array"].endswith("%1")
    assert "requeue" in found
    assert found["ntasks-per-node"] == found["gpus-per-node"]
    assert not {"gpus-per-task", "gpu-bind"} & found.keys()


def test_it_is_well_formed():
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    assert os.access(SCRIPT, os.X_OK)
    linter = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if linter is not None:
        subprocess.run([linter, str(SCRIPT)], check=True)


JOIN = """
import json, sys
import jax
from ila_jax.job.processes import connect, is_first, wait_for_all
connect(*json.loads(sys.argv[1]))
wait_for_all("joined")
gpus = jax.config.values["jax_cuda_visible_devices"]
print("joined", jax.process_index(), jax.process_count(), is_first(), gpus)
"""


def free_job():
    """A job id whose port is free: jax takes 61440 + id mod 4096."""
    for number in range(100, 4096):
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", 61440 + number))
            except OSError:
                continue
            return number
    pytest.fail("no port is free")


def joined(tasks, told):
    """What each of the tasks of a job is after joining the others."""
    job = {"SLURM_JOB_ID": str(free_job()), "SLURM_STEP_NODELIST": "localhost"}
    job |= {"SLURM_NTASKS": str(tasks), "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", JOIN, json.dumps(told)],
            cwd=ROOT,
            env=os.environ | job | {"SLURM_PROCID": str(index), "SLURM_LOCALID": str(index)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(tasks)
    ]
    try:
        said = [task.communicate(timeout=120)[0] for task in started]
    finally:
        for task in started:
            task.kill()
    return [re.findall("joined (.*)", out) for out in said]


def test_two_tasks_of_a_job_find_each_other():
    """By the five variables that srun gives; each takes the GPU of its local number."""
    assert joined(2, [None, None, None]) == [["0 2 True 0"], ["1 2 False 1"]]


def test_a_task_that_is_told_all_takes_all_gpus():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert joined(1, [address, 1, 0]) == [["0 1 True all"]]
