"""The commands of README.md, CONTRIBUTING.md and docs/ run, but for those that cannot run here."""

import functools

import pytest

from tests import sandbox
from tests.documented import PAGES, ROOT, Command, commands, languages, snippets, unread
from tests.sandbox import K400, KUBECTL, ONE_VIEW, PAIRS, PAPER, TRAIN, flags

# What a command begins with: why it is not run. Printed by the first test.
INTERNET = "internet: installs packages"
SESSION = "internet: installs packages; then runs tests, as this is one"
CLUSTER = "cluster: Slurm"
GATE = "a part of .ci/run"
SHELL = "shell: changes the one that it is typed in"
NOT_RUN = {
    "tools/quickstart": f"{INTERNET}; what it trains is run here with fewer steps",
    "tools/test": SESSION,
    "pip install": INTERNET,
    "python -m ila_jax.serve": "serves until Ctrl-C",
    "pip install xprof && xprof": f"{INTERNET}; then serves until Ctrl-C",
    "apt install": INTERNET,
    ". .venv/bin/activate": SHELL,
    "python3 -m venv .venv && . .venv/bin/activate": SHELL,
    ".venv/bin/pip install": INTERNET,
    "ILA_SCREENSHOTS=/tmp tools/test": SESSION,
    "ILA_PYTHON=python3.12 ILA_VENV=.venv-3.12 tools/test": SESSION,
    "ILA_PINS=newest ILA_VENV=.venv-newest tools/smoke": GATE,
    "ILA_PINS=lowest ILA_VENV=.venv-lowest tools/test": SESSION,
    ".venv/bin/ruff format && .venv/bin/ruff check && .venv/bin/mypy": GATE,
    ".ci/run": "runs the tests, as this is one, for a quarter of an hour",
    "tools/docs": GATE,
    "tools/pin": "internet: asks for the newest versions; tests/tools/test_pins.py",
    "tools/release-check": "internet: installs what builds; tests/tools/test_release.py",
    "docker build": "internet: a base image, and packages",
    "docker run": "Docker: its image is built from the internet",
    "python3.11 -m venv": INTERNET,
    "sbatch": CLUSTER,
    "python -m ila_jax.convert --input hf://": "internet: tests/weights/foreign/test_hub.py",
    "python -m ila_jax.upload": "internet: tests/weights/foreign/test_push.py",
    "python -m ila_jax.predict hf://": "internet: tests/weights/foreign/test_push.py",
    "python -m ila_jax.export runs/quickstart --output exported/onnx": "ONNX is an extra: "
    "tools/test_onnx",
    "python -m ila_jax.data.prepare --from /mnt/k400/train.csv": "cluster: Beam on Flink, a bucket",
    "python -m ila_jax.data.prepare --from k400/train.csv": "internet: Beam is an extra",
    "python -m ila_jax.evaluate --calibrate": "a model of few steps has no finite temperature",
    "python -m ila_jax.predict runs/quickstart --camera": "a camera; until Ctrl-C",
    "python -m ila_jax.predict runs/quickstart rtsp:": "a server; tests/data/video/test_live.py",
    "python -m ila_jax.predict runs/quickstart http:": "a server; tests/predict/test_watching.py",
    "python -m ila_jax.benchmark model": "GPU: real sizes with 64 clips",
    "python -m tools.gpu_report": "GPU: real sizes; tests/tools/test_gpu_report.py",
}
# Where a command has this in it: what is appended, so that it ends soon. The first that fits.
QUICK = flags(TRAIN | PAIRS)
PLAIN_CLIP = {"model.size": "B/16", "model.frames": 2, "model.precision": "float32"}
# A length is given once, and the model has one block.
IN_EPOCHS = ("epochs", "checkpoint_every_epochs", "evaluate_every_epochs")
OWN = {
    **{f"train.{name}": None for name in IN_EPOCHS},
    "optimizer.trained_blocks": 1,
    "train.accumulation": 1,
}
REHEARSED = {
    "train.steps": 2,
    "train.checkpoint_every": 2,
    "train.evaluate_every": 2,
    "optimizer.warmup_epochs": 0.1,
}
SHORTER = {
    "ila_jax.train --dry-run --config quickstart": QUICK,
    "ila_jax.train --dry-run": "",
    "ila_jax.train --config k400/b16_8f --workdir runs/b16 --dry-run": flags(PAPER | K400),
    "--config.data.motion_pairs=None": flags(TRAIN),
    "ila_jax.train --coordinator": QUICK,
    "--workdir runs/rehearsal": flags(REHEARSED),
    "--output evaluations/rehearsal": flags(ONE_VIEW),
    "ila_jax.train --config quickstart": QUICK,
    "ila_jax.train --config ablation": QUICK,
    "ila_jax.train --config k400/": flags(PAPER),
    "ila_jax.train --config finetune/": flags(PAPER | OWN),
    "ila_jax.train --config ssv2/": flags(PAPER | {"model.classes": 8}),
    "ila_jax.evaluate --config quickstart": QUICK,
    "--checkpoint weights/plain_clip": flags(K400 | ONE_VIEW | PLAIN_CLIP),
    "ila_jax.finetune clips --weights weights/clip": "--plan --frames 2 --processes 1",
    "ila_jax.protocol zero-shot": "--clips 1 --crops 1 --splits 1",
    "ila_jax.protocol supervised": "--epochs 1 --clips 1 --crops 1 --splits 1",
    "ila_jax.protocol": "--epochs 1 --clips 1 --crops 1 --shots 2 --splits 1",
    "ila_jax.finetune": "--epochs 1 --clips 1 --crops 1 --processes 1",
    "ila_jax.evaluate --config k400/": flags(PAPER | K400),
    "ila_jax.train --config divided.py": flags(PAPER),
    "--workdir runs/alignment": f"--methods xclip,ila --seeds 1 --processes 1 {QUICK}",
    "ila_jax.compare": f"--methods spatial,divided,ata,ila {QUICK}",
    "ila_jax.complexity --measure": "--size tiny --repeats 1",
    "ila_jax.complexity --sweep": "--methods spatial,ila --values 2,4 --repeats 1",
    "ila_jax.data.check --config ssv2/": flags({"model.classes": 8, "train.batch": 8}),
    "ila_jax.data.prepare --config ssv2/": flags({"model.classes": 8, "train.batch": 8}),
    "ila_jax.data.synthetic.actions": "--clips 24",
    "--layout scattered": "--train-clips 8 --validation-clips 8",
    "tools/make_trial_sets.py": "--clips 64",
    "tools/make_tiny_clip.py": "--scenes 2 --steps 2",
    "tools/make_outline_clip.py": "--pictures 64 --steps 2",
    "ila_jax.benchmark data": f"--rounds 1 --batches 1 {flags(K400 | {'train.batch': 8})}",
    "ila_jax.benchmark decoders": "--rounds 1",
}
# What a page takes for granted of others, made with their commands.
COMPARED = f"python -m ila_jax.compare --workdir runs/comparison {SHORTER['ila_jax.compare']}"
BEFORE = {
    "docs/how-to/evaluation.md": "python -m ila_jax.train --config k400/b16_8f --workdir runs/b16 "
    + flags(PAPER),
    "docs/how-to/pictures.md": f"{COMPARED} --seeds 1",
    "docs/how-to/reproduce.md": "sed -n '/^from ml_/,/^    return/p' "
    f"{ROOT}/docs/how-to/reproduce.md > divided.py",
    "docs/how-to/weights.md": "test -e runs/mine || cp -r runs/quickstart runs/mine",
}
FAILS = {"000000.mp4 broken.mp4": "error: 1 of 2 videos could not be read"}
# Pages whose blocks of Python are one program, which runs in the same folder.
PROGRAMS = ["README.md", "docs/explanation/reading.md", "docs/how-to/from-python.md"]
# Pages whose Python is not run here: why, and what runs the same.
PYTHON_NOT_RUN = {
    "docs/how-to/evaluation.md": "reads what its commands write: tests/evaluate/test_evaluate.py",
    "docs/how-to/prepare.md": "reads what its commands write: tests/data/prepare/test_prepare.py",
    "docs/how-to/reproduce.md": "a configuration: tests/test_config_files.py",
    "docs/how-to/prediction.md": "reads what its commands write, and looks at video for minutes: "
    "tests/answers/test_answers.py, tests/extract/test_extract.py, tests/test_export.py",
}
# Blocks that nobody types: what a command prints, and a directive of the site.
PRINTED = ("text", "{include}")


def reason(command: Command) -> str | None:
    """Why a command is not run."""
    return next((why for start, why in NOT_RUN.items() if _begins(command.text, start)), None)


def _begins(text: str, start: str) -> bool:
    """What follows an installation has a reason of its own."""
    return text.startswith(start) and ("&&" in text) == ("&&" in start)


def shorter(text: str) -> str:
    return next((more for part, more in SHORTER.items() if part in text), "")


@functools.cache
def listed() -> list[Command]:
    return [command for page in PAGES for command in commands(page)]


def test_what_is_not_run_is_listed_with_the_reason(capsys):
    with capsys.disabled():
        print("\ncommand lines of the documentation that are not run:")
        for command in filter(reason, listed()):
            print(f"  {command}\n    {reason(command)}")
        print(f"and of these what is behind {KUBECTL}, which needs a cluster:")
        for command in listed():
            if KUBECTL in command.text:
                print(f"  {command}")
    starts = {start for start in NOT_RUN for one in listed() if _begins(one.text, start)}
    assert starts == NOT_RUN.keys(), "a reason for a command that is gone"


def test_what_installs_is_not_run():
    """Also where another command follows: a reason for the one does not hold for the other."""
    run = [command for command in listed() if not reason(command)]
    assert [str(command) for command in run if "pip install" in command.text] == []


def test_every_block_of_code_is_run_or_marked_with_the_reason():
    kinds = {(page, kind) for page in PAGES for kind in languages(page)}
    assert {page: unread(page) for page in PAGES if unread(page)} == {}
    python = {page for page, kind in kinds if kind == "python"}
    assert sorted(python) == sorted([*PROGRAMS, *PYTHON_NOT_RUN])
    assert {kind for _, kind in kinds} <= {"bash", "console", "python", *PRINTED}
    for why in PYTHON_NOT_RUN.values():
        assert all((ROOT / path.rstrip(",")).exists() for path in why.split() if "/" in path)


def test_nothing_is_shortened_that_is_gone():
    texts = [command.text for command in listed() if not reason(command)]
    assert [part for part in SHORTER if not any(part in text for text in texts)] == []


def test_commands_are_read_with_their_continuations_and_without_comments():
    (first, second) = commands("README.md")[:2]
    assert (first.text, second.text) == ("tools/quickstart", "tools/test")
    predict = [one.text for one in commands("docs/tutorial.md") if "ila_jax.predict" in one.text]
    assert predict[1] == (
        "python -m ila_jax.predict runs/quickstart joined.mp4 --window 2 --top-k 2"
    )
    check = next(one for one in commands("docs/how-to/data.md") if "data.check" in one.text)
    assert check.setting == "k=/videos/k400; "
    assert check.text.endswith("--validation $k/validate.csv --root $k")
    two = next(one.text for one in commands("docs/how-to/pod.md") if "--coordinator" in one.text)
    assert [part[-2:] for part in two.split("\n")] == [" &", "wo"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return sandbox.make(tmp_path_factory.mktemp("reader"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs(page, place):
    if page in BEFORE:
        place.run(BEFORE[page])
    problems = [said for command in commands(page) if (said := failure(command, place))]
    assert not problems, "\n\n".join(problems)


def failure(command: Command, place) -> str | None:
    """What a command says when it fails, or ends well where it should not."""
    if reason(command):
        return None
    more = shorter(command.text)
    text = "\n".join(_with(part, more) for part in command.text.split("\n"))
    expected = next((said for part, said in FAILS.items() if part in text), None)
    try:
        place.run(place.here(command.setting + text))
    except AssertionError as error:
        said = str(error)
        return None if expected and expected in said else f"{command}\n{said[-3000:]}"
    return f"{command}\nended well, expected: {expected}" if expected else None


def _with(text: str, more: str) -> str:
    """A command line with more arguments; one that runs beside the next ends in &."""
    beside = " &" * text.endswith("&")
    return f"{text.removesuffix('&').strip()} {more}{beside}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PROGRAMS)
def test_the_python_of_a_page_runs(page, place):
    script = place.folder / "page.py"
    script.write_text("\n".join(snippets(page)))
    place.run("python page.py")
