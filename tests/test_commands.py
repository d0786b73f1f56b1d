"""Every command ends in words: after an error, Ctrl-C at any time, or when nobody reads."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ila_jax import commands
from tests.import_statements import module_name
from tests.test_imports import COMMANDS

ROOT = Path(__file__).parents[1]
NAMES = sorted(
    {f"ila_jax.{name}".removesuffix(".__main__") for name in COMMANDS} | {"ila_jax.data.synthetic"}
)


@pytest.mark.parametrize("error", [ValueError, OSError, RuntimeError])
def test_an_expected_error_is_a_sentence_and_exit_code_1(error, capsys):
    assert commands.run(lambda: raises(error("no such thing"))) == 1
    assert capsys.readouterr().err == "error: no such thing\n"


def test_too_little_memory_is_a_sentence(capsys):
    assert commands.run(lambda: raises(MemoryError("1 TiB"))) == 1
    assert capsys.readouterr().err == "error: not enough memory: 1 TiB\n"


def test_an_unexpected_error_keeps_its_traceback():
    with pytest.raises(KeyError):
        commands.run(lambda: raises(KeyError("bug")))


def test_a_traceback_can_be_had(monkeypatch):
    monkeypatch.setenv("ILA_TRACEBACK", "1")
    with pytest.raises(ValueError, match="no such thing"):
        commands.run(lambda: raises(ValueError("no such thing")))


def test_interrupting_a_command_is_exit_code_130(capsys):
    assert commands.run(lambda: raises(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "stopped\n"


def raises(error):
    raise error


CTRL_C_IN_A_DESTRUCTOR = """
import signal, sys, time
from ila_jax import commands

class Collected:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def main():
    Collected()
    time.sleep(60)

sys.exit(commands.run(main))
"""


def test_ctrl_c_ends_a_command_that_is_collecting_garbage():
    """What is raised in a destructor Python drops: a command would go on as if nobody had asked."""
    ended = subprocess.run(
        [sys.executable, "-c", CTRL_C_IN_A_DESTRUCTOR],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (ended.returncode, ended.stderr) == (130, "stopped\n")


# As `python -m`: with the signal when the command imports the first thing from outside.
CTRL_C_WHILE_IMPORTING = """
import importlib.abc, runpy, signal, sys

class Signal(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("absl", "ml_collections"):
            try:
                signal.raise_signal(signal.SIGINT)
            except BaseException:
                raise ImportError("a library took it for one of its own")

sys.meta_path.insert(0, Signal())
name = sys.argv[1]
sys.argv = ["-m"]
sys.orig_argv = [sys.executable, "-m", name]
runpy.run_module(name, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("name", NAMES)
def test_ctrl_c_while_a_command_imports_what_it_needs(name):
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C_WHILE_IMPORTING, name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


WITH_A_THREAD = """
import os, signal, sys, threading, time
from ila_jax import commands
from ila_jax.files.plain_name import plain_name

def main():
    threading.Thread(target=time.sleep, args=(600,)).start()
    print(plain_name(os.fsdecode(b"caf\\xe9")), flush=True)
    END

commands.leave(commands.run(main))
"""
STOPS = "signal.raise_signal(signal.SIGINT)"
FAILS = "commands.leave_behind(); raise ValueError('this video takes too long')"


@pytest.mark.parametrize(
    ("end", "status", "message"),
    [(STOPS, 130, "stopped\n"), (FAILS, 1, "error: this video takes too long\n")],
)
def test_the_end_does_not_wait_for_threads_and_leaves_no_link(tmp_path, end, status, message):
    """A thread in native code would crash an interpreter that is taken down under it, or hang."""
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_THREAD.replace("END", end)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (status, message)
    assert done.stdout.startswith(f"{tmp_path}/ila_jax-")
    assert not list(tmp_path.iterdir())


def test_importing_the_package_leaves_signals_alone():
    """Only `python -m ila_jax.…` answers Ctrl-C; a program that imports the package does itself."""
    code = "import signal, ila_jax; print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "default_int_handler\n"


PRINTS = """
import os, sys
from ila_jax import commands

def main():
    for _ in range(20000):
        print("\\u00e9 \\U0001f44d", os.fsdecode(b"caf\\xe9"))
    print("moved", file=sys.stderr)

commands.leave(commands.run(main))
"""


def prints(stdout, **environment):
    return subprocess.run(
        [sys.executable, "-c", PRINTS],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, r"é 👍 caf\xe9"),
        ({"PYTHONIOENCODING": "ascii"}, r"\xe9 \U0001f44d caf\xe9"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
         r"\xe9 \U0001f44d caf\xe9"),
        ({"PYTHONIOENCODING": "ascii:strict"}, r"\xe9 \U0001f44d caf\xe9"),
    ],
)  # fmt: skip
def test_what_an_output_cannot_hold_is_escaped(environment, line):
    done = prints(subprocess.PIPE, **environment)
    assert (done.returncode, done.stderr) == (0, "moved\n")
    assert set(done.stdout.splitlines()) == {line}


def test_an_output_that_nobody_reads_ends_in_words():
    reader, writer = os.pipe()
    os.close(reader)
    done = prints(writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (
        141, "stopped: nobody reads the output any more\n"
    )  # fmt: skip


def test_an_output_on_a_full_disk_is_an_error():
    with Path("/dev/full").open("w") as full:
        done = prints(full)
    assert done.returncode == 1
    assert done.stderr == "error: no space is left on the device: make room\n"


ENDING = r'(?m)^if __name__ == "__main__":\n    (cli|commands)\.leave\('
# As `python -m`, with what the command has imported by the end of it in the last line.
COMMAND_AND_IMPORTS = """
import runpy, sys

name = sys.argv[1]
sys.argv = ["-m", *sys.argv[2:]]
sys.orig_argv = [sys.executable, "-m", name]
try:
    runpy.run_module(name, run_name="__main__", alter_sys=True)
finally:
    print("\\n" + " ".join(sys.modules))
"""
# Each takes a quarter of a second or more, and a text or an error needs none of them.
HEAVY = {
    "jax", "flax", "scipy", "optax", "orbax", "tensorstore", "grain", "tensorflow_datasets",
    "pyarrow", "av", "cv2", "matplotlib", "torch", "transformers", "gradio", "huggingface_hub",
}  # fmt: skip


def command_and_imports(*arguments):
    """The exit status of a command, what it said, and which of HEAVY it imported."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND_AND_IMPORTS, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    stdout, _, modules = done.stdout.rstrip("\n").rpartition("\n")
    return done.returncode, stdout + done.stderr, HEAVY & set(modules.split())


def test_every_command_is_tried_here():
    """By what all of them end with, so that one that is in no table is missed, too."""
    package = ROOT / "ila_jax"
    files = [file for file in package.rglob("*.py") if re.search(ENDING, file.read_text())]
    modules = {f"ila_jax.{module_name(package, file)}" for file in files}
    assert {name.removesuffix(".__main__") for name in modules} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_imports_nothing_that_takes_long(name):
    status, output, heavy = command_and_imports(name, "--help")
    assert (status, heavy) == (0, set())
    assert f"usage: python -m {name} " in output


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_argument_is_told_before_anything_that_takes_long_is_imported(name):
    status, output, heavy = command_and_imports(name, "--no-such-thing")
    assert (status, heavy) == (2, set())
    assert "error: " in output


# Values that argparse takes and the command refuses. `tests` is a folder that is there.
WRONG_VALUES = {
    "train": ["--config", "quickstart", "--workdir", "runs/new", "--profile", "none"],
    "evaluate": ["--config", "nowhere", "--checkpoint", "runs/new", "--output", "new"],
    "compare": ["--workdir", "runs/new", "--methods", "none"],
    "extract": ["runs/new", "nowhere", "--output", "new"],
    "predict": ["runs/new", "a.mp4", "--top-k", "0"],
    "serve": ["runs/new", "--port", "0"],
    "finetune": ["nowhere", "--workdir", "runs/new"],
    "visualize": ["runs/new", "nowhere.mp4", "--output", "new"],
    "complexity": ["--methods", "none"],
    "convert": ["--input", "nowhere.pt", "--output", "tests"],
    "export": ["runs/new", "--output", "tests"],
    "pictures.measure": ["runs/new", "--data", "nowhere"],
    "benchmark": ["model", "--config", "nowhere"],
    "report": ["nowhere"],
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_a_wrong_value_is_told_before_jax_is_imported(name):
    status, output, heavy = command_and_imports(f"ila_jax.{name}", *WRONG_VALUES[name])
    assert (status, heavy & {"jax", "flax"}) == (1, set())
    assert "error: " in output


def test_help_that_nobody_reads():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ila_jax.data.synthetic", "--help"],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": ""},  # argparse would not notice
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
