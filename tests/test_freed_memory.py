"""Memory that a command has freed is not given back to the system, and taken again without it."""

import os
import platform
import subprocess
import sys

import pytest

from tests.test_commands import ROOT

# Twenty times 64 MiB, written and freed; the pages that the system had to clear for them.
TWENTY = """
import resource
from ila_jax.commands import run

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def twenty():
    bytearray(64 << 20)
    before = faults()
    for _ in range(20):
        bytearray(64 << 20)
    print((faults() - before) * resource.getpagesize() >> 20)

run(twenty)
"""


# Every second of 512 arrays of 1 MiB is freed; the MiB that are then given back.
EVERY_SECOND = """
import resource
from ila_jax.commands import run
from ila_jax.freed_memory import give_back_freed_memory

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20

def every_second():
    arrays = [bytearray(1 << 20) for _ in range(512)]
    del arrays[::2]
    before = held()
    give_back_freed_memory()
    print(before - held())

run(every_second)
"""


def printed(script, **environment):
    """The number that a script of Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is of glibc")
def test_freed_memory_is_taken_again():
    assert printed(TWENTY) < 64


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is of glibc")
@pytest.mark.parametrize(
    "own", [{"MALLOC_ARENA_MAX": "2"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2"}]
)
def test_what_the_user_has_set_stays(own):
    assert printed(TWENTY, **own) > 500


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is of glibc")
def test_what_lies_between_used_memory_is_given_back_when_asked():
    assert printed(EVERY_SECOND) > 250
