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


def cleared(**environment):
    """How many MiB of pages the system cleared for twenty arrays of 64 MiB."""
    done = subprocess.run(
        [sys.executable, "-c", TWENTY],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is of glibc")
def test_freed_memory_is_taken_again():
    assert cleared() < 64


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is of glibc")
@pytest.mark.parametrize(
    "own", [{"MALLOC_ARENA_MAX": "2"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2"}]
)
def test_what_the_user_has_set_stays(own):
    assert cleared(**own) > 500
