"""Whether tests notice small faults: a sample of mutants, each in one place of the code.

python -m tools.mutation build/mutants.json                  60 mutants, 12 of each room
python -m tools.mutation build/mutants.json --rooms models --count 20 --seed 1

Mutates a clone of the last commit, and never the files here. A mutant is killed when a test fails;
one that runs into the time limit is not counted as killed. Stopped and run again, it goes on; what
was not killed is tried again, as after a new test.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ila_jax.files.publish import publish_text
from tools.mutation.mutants import Mutant, mutants

# For every room, which code is mutated, and the tests that belong to it: the longest prefix counts.
_MODELS = (
    "layers parts model inference_form inspection own_gradients own_convolutions nvidia temporal"
)
_ROOMS = {
    "models": {
        "ila_jax/models/": " ".join(f"tests/models/test_{name}.py" for name in _MODELS.split()),
        "ila_jax/models/temporal/": " ".join(
            f"tests/models/test_{name}.py" for name in ("temporal", "alignment", "ila")
        ),
    },
    "optim": {
        f"ila_jax/train/{name}.py": "tests/train/test_optim.py tests/train/test_step.py "
        "tests/train/test_frozen_blocks.py tests/golden/test_train.py"
        for name in ("optimizers", "schedules", "norms", "parameter_groups", "gradients")
    },
    "sampling": {
        "ila_jax/data/clips/": "tests/data/clips",
        "ila_jax/data/clips/evaluation_clips.py": "tests/data/clips tests/evaluate",
        "ila_jax/data/clips/live_windows.py": "tests/data/clips tests/predict",
    },
    "evaluation": {
        "ila_jax/scoring/": "tests/scoring tests/evaluate",
        "ila_jax/evaluate/": "tests/evaluate",
    },
    "finetune": {"ila_jax/finetune/": "tests/finetune"},
}


def sample(root: Path, prefixes: Iterable[str], count: int, seed: int) -> list[Mutant]:
    """Mutants drawn at random, as many as asked for or as there are."""
    paths = {
        path.relative_to(root).as_posix()
        for prefix in prefixes
        for path in ([root / prefix] if prefix.endswith(".py") else (root / prefix).rglob("*.py"))
    }
    drawn_from = [
        mutant for path in sorted(paths) for mutant in mutants(path, (root / path).read_bytes())
    ]
    return random.Random(seed).sample(drawn_from, min(count, len(drawn_from)))


def tests_of(root: Path, path: str, table: dict[str, str]) -> list[str]:
    """The files of tests that belong to a file: first of its name, then those that mention it."""
    prefix = max((prefix for prefix in table if path.startswith(prefix)), key=len)
    files: list[Path] = []
    for place in table[prefix].split():
        file = root / place
        files += [file] if file.suffix else sorted(file.rglob("test_*.py"))
    name = Path(path).stem
    files.sort(key=lambda file: (file.stem != f"test_{name}", name not in file.read_text()))
    return [str(file.relative_to(root)) for file in files]


def outcome(root: Path, tests: list[str], limit: float) -> str:
    """Runs tests until one fails: killed, survived or timed out."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    # No bytecode: that of a mutant must not outlive it.
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return "killed" if process.wait(limit) else "survived"
        except subprocess.TimeoutExpired:
            return "timed out"
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    # With what its tests have started; where all is over already, there is no such group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def outcome_of(mutant: Mutant, root: Path, tests: list[str], limit: float) -> str:
    """The outcome of tests while the mutant stands in its file, which is put back afterwards."""
    file = root / mutant.path
    source = file.read_bytes()
    file.write_bytes(source[: mutant.start] + mutant.new.encode() + source[mutant.end :])
    try:
        return outcome(root, tests, limit)
    finally:
        file.write_bytes(source)


def _must_pass(root: Path, table: dict[str, str], limit: float) -> None:
    tests = sorted({test for prefix in table for test in tests_of(root, prefix, table)})
    if (result := outcome(root, tests, limit)) != "survived":
        raise ValueError(
            f"{result} without a mutant: expected tests that pass within {limit:g} s, "
            f"or a longer --limit: {' '.join(tests)}"
        )


def _room(
    root: Path, room: str, outcomes: dict[str, str], options: argparse.Namespace
) -> Counter[str]:
    """Fills in the outcomes of a room and counts them."""
    counts: Counter[str] = Counter()
    for mutant in sample(root, _ROOMS[room], options.count, options.seed):
        if outcomes.get(str(mutant)) != "killed":
            tests = tests_of(root, mutant.path, _ROOMS[room])
            outcomes[str(mutant)] = outcome_of(mutant, root, tests, options.limit)
            publish_text(options.results, json.dumps(outcomes, indent=1, ensure_ascii=False))
        print(f"{outcomes[str(mutant)]:9} {mutant}", flush=True)
        counts[outcomes[str(mutant)]] += 1
    return counts


def _run(root: Path, options: argparse.Namespace) -> Counter[str]:
    outcomes = json.loads(options.results.read_text()) if options.results.exists() else {}
    counts: Counter[str] = Counter()
    for room in options.rooms:
        if not options.passed:
            _must_pass(root, _ROOMS[room], options.limit)
        counts += _room(root, room, outcomes, options)
    return counts


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "results", type=Path, help="JSON file of outcomes, which a run goes on with"
    )
    parser.add_argument("--rooms", nargs="+", default=list(_ROOMS), choices=list(_ROOMS))
    parser.add_argument("--count", type=int, default=12, help="mutants of each room (default 12)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default 0)")
    parser.add_argument("--limit", type=float, default=600, help="seconds for a mutant's tests")
    parser.add_argument(
        "--passed",
        action="store_true",
        help="do not try first that all tests pass without a mutant",
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", "--shared", ".", folder], check=True)
        try:
            counts = _run(Path(folder), options)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
