"""A training process that is killed takes its workers with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.data.videos import write_video

CHILD = """
import multiprocessing, sys
from multiprocessing import shared_memory
# What is left in /dev/shm is known by its name: Python names both kinds at random.
shared_memory._SHM_NAME_PREFIX = sys.argv[2]
multiprocessing.current_process()._config["semprefix"] = sys.argv[2]
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.pipeline import Loading, train_batches
from ila_jax.data.sources.source import ListSource
if __name__ == "__main__":
    source = ListSource([LabelledFile(sys.argv[1], 0)] * 4)
    recipe = ClipRecipe(frames=2, size=28, sampling="interval", scales=(1.0,))
    batches = train_batches(source, recipe, Loading(2, processes=2),
                            seed=0, first_step=0, steps=1 << 30)
    next(batches)
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    for _ in batches: pass
"""


def test_a_killed_parent_leaves_no_workers_and_no_shared_memory(tmp_path):
    video = write_video(tmp_path / "clip.mp4", count=12)
    script = tmp_path / "main.py"
    script.write_text(CHILD)
    prefix = f"/ila_test_{os.getpid()}_"
    command = [sys.executable, str(script), str(video), prefix]

    def shared() -> list[Path]:
        return [*Path("/dev/shm").glob(f"*{prefix[1:]}*")]

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        workers = [int(pid) for pid in child.stdout.readline().split()]
        before = shared()
        child.send_signal(signal.SIGKILL)
    assert len(workers) == 2
    # The semaphores of the queues, which are removed; clips never are in shared memory.
    assert {path.name[:4] for path in before} == {"sem."}
    deadline = time.monotonic() + 10
    while (any(map(_alive, workers)) or shared()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, workers))
    assert shared() == []


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
