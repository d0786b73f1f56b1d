"""The JobSet as far as a machine without Kubernetes shows it: its fields, and what its pods run."""

import os
import runpy
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from ila_jax.evaluate import __main__ as evaluate
from ila_jax.train import __main__ as train

ROOT = Path(__file__).parents[2]
RENDER = runpy.run_path(str(ROOT / "tools" / "kubernetes" / "render.py"))["main"]
OPTIONS = ["--name", "b16", "--image", "registry/ila:1", "--hosts", "4", "--claim", "videos"]
QUICKSTART = ["--config", "configs/quickstart.py"]
TRAINING = ["train", *QUICKSTART, "--workdir", '/shared/a "run": $x']
EVALUATION = ["evaluate", *QUICKSTART, "--checkpoint", "/shared/run@375", "--output", "/shared/$x"]


def rendered(capsys, command):
    """The JobSet, its job, and the container of a pod."""
    assert RENDER([*OPTIONS, "--", *command]) == 0
    jobset = yaml.safe_load(capsys.readouterr().out)
    (replicated,) = jobset["spec"]["replicatedJobs"]
    job = replicated["template"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    return jobset, job, container


@pytest.fixture
def jobset(capsys):
    return rendered(capsys, TRAINING)[0]


@pytest.fixture
def job(capsys):
    return rendered(capsys, TRAINING)[1]


@pytest.fixture
def container(capsys):
    return rendered(capsys, TRAINING)[2]


def told(container):
    """What the first pod's command is told: $(NAME) of its environment is put in, $$ stays."""
    command, *rest = container["args"]
    return command, [each.replace("$(JOB_COMPLETION_INDEX)", "0") for each in rest]


def test_every_pod_is_a_process_of_the_run(jobset, job, container):
    command, arguments = told(container)
    known, _ = train.read(arguments)
    assert command == "train"
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"] == known.processes == 4
    assert known.process_id == 0
    assert str(known.workdir) == TRAINING[-1]
    # JobSet's name for a pod: <jobset>-<job>-<replica>-<index>.<jobset>
    name, (replicated,) = jobset["metadata"]["name"], jobset["spec"]["replicatedJobs"]
    host, _, port = known.coordinator.partition(":")
    assert host == f"{name}-{replicated['name']}-0-0.{name}"
    assert port.isdigit()
    assert jobset["spec"]["network"]["enableDNSHostnames"] is True


def test_every_pod_is_a_process_of_an_evaluation(capsys):
    command, arguments = told(rendered(capsys, EVALUATION)[2])
    known, _ = evaluate.read(arguments)
    assert command == "evaluate"
    assert (known.processes, known.process_id) == (4, 0)
    assert (known.checkpoint, str(known.output)) == (EVALUATION[4], EVALUATION[6])


def test_the_run_goes_on_after_an_eviction(jobset, job):
    assert (jobset["apiVersion"], jobset["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    policy = jobset["spec"]["failurePolicy"]
    assert policy["maxRestarts"] > 0
    assert policy["restartStrategy"] == "BlockingRecreate"
    (rule,) = policy["rules"]
    assert rule["action"] == "RestartJobSetAndIgnoreMaxRestarts"
    assert rule["onJobFailureReasons"] == ["PodFailurePolicy"]
    (evicted,) = job["podFailurePolicy"]["rules"]
    # The status is required by the schema of JobSet, as by a patch of a Job
    # (github.com/kubernetes/kubernetes/issues/131512).
    condition = {"type": "DisruptionTarget", "status": "True"}
    assert evicted == {"action": "FailJob", "onPodConditions": [condition]}
    pod = job["template"]["spec"]
    assert (job["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert pod["terminationGracePeriodSeconds"] >= 120


def test_pods_have_what_they_ask_for(job, container):
    volumes = {volume["name"]: volume for volume in job["template"]["spec"]["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert volumes.keys() == mounts.keys()
    assert volumes["shared"]["persistentVolumeClaim"] == {"claimName": "videos"}
    assert mounts == {"shared": "/shared", "memory": "/dev/shm"}
    assert container["image"] == "registry/ila:1"
    # Where the next pod finds what the last one has compiled.
    assert container["env"] == [{"name": "XDG_CACHE_HOME", "value": "/shared/cache"}]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 8


# Stands for the command: it stops well, or ends with the code that it is told.
TRAINER = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$HERE/arguments"
trap 'exit 0' TERM
[ -z "$ENDS" ] || exit "$ENDS"
for _ in {1..600}; do sleep 0.1; done
"""


def pod(tmp_path, container, ends=""):
    python = tmp_path / "python"
    python.write_text(TRAINER)
    python.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HERE": str(tmp_path), "ENDS": ends}
    return subprocess.Popen([*container["command"], *container["args"]], env=environment)


@pytest.mark.parametrize(("command", "code"), [(TRAINING, "0"), (EVALUATION, "3")])
def test_a_pod_ends_as_its_command_does(tmp_path, capsys, command, code):
    container = rendered(capsys, command)[2]
    assert pod(tmp_path, container, ends=code).wait(60) == int(code)
    given = (tmp_path / "arguments").read_text().splitlines()
    assert given == ["-m", f"ila_jax.{command[0]}", *container["args"][1:]]


def test_a_pod_that_is_evicted_is_not_done(tmp_path, container):
    """Its command saves and ends well; were that the pod's end, nothing would go on."""
    started = pod(tmp_path, container)
    while not (tmp_path / "arguments").exists():
        time.sleep(0.01)
    time.sleep(0.2)  # for the command's own trap
    started.send_signal(signal.SIGTERM)
    assert started.wait(60) == 75


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*OPTIONS, "--", *TRAINING, "--confg.train.batch=2"], "unknown argument --confg"),
        ([*OPTIONS, "--", "train", "--config", "x.py"], "--workdir"),
        ([*OPTIONS, "--", "train"], "--config"),
        ([*OPTIONS, "--", *EVALUATION[:5]], "--output missing"),
    ],
)
def test_wrong_arguments_of_the_command_are_found_here(arguments, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        RENDER(arguments)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("rest", [[], ["--"], ["--", *QUICKSTART]])
def test_no_command(rest, capsys):
    assert RENDER([*OPTIONS, *rest]) == 1
    assert "expected train or evaluate" in capsys.readouterr().err


def test_a_name_that_is_none(capsys):
    assert RENDER(["--name", "B_16", *OPTIONS[2:], "--", *TRAINING]) == 1
    assert "error: --name is 'B_16': expected" in capsys.readouterr().err
