"""Two processes save one checkpoint together, and go on from the same step."""

import os
import subprocess
import sys
from pathlib import Path

from tests.train import runs

TWO = """
import sys
import jax
jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from pathlib import Path
from ila_jax.train.checkpoint import Checkpoints, Saved
from tests.train import runs

config, run = runs.config({}), Path(sys.argv[3])
whole = NamedSharding(Mesh(jax.devices(), "data"), PartitionSpec())
saved = Saved(run, lambda text: print("said", text))
at = saved.step or 0
state = {"step": jnp.int32(at), "w": jnp.zeros(8)}
state = jax.tree.map(lambda x: jax.make_array_from_process_local_data(whole, x), state)
if saved.step is not None:
    state = saved.state(state)
print("from", at, state["w"].addressable_data(0)[0])
checkpoints = Checkpoints(run / "checkpoints", keep_best=1, resumed_at=at)
go_on = jax.jit(lambda s: {"step": s["step"] + 10, "w": s["w"] + 10}, out_shardings=whole)
for _ in range(6):
    state = go_on(state)
    checkpoints.save_scored(state, config, ["a"], float(state["step"]))
    checkpoints.save(state, config, ["a"])
checkpoints.close()
"""


def test_two_processes_save_together_and_go_on_from_the_same_step(tmp_path):
    assert [_said(text) for text in _two(tmp_path)] == [["from 0 0.0"]] * 2
    latest = tmp_path / "checkpoints" / "latest"
    assert _names(latest) == {"50", "60"}
    assert _names(tmp_path / "checkpoints" / "best") == {"60"}
    with (latest / "60" / "state" / "_METADATA").open("ab") as file:
        file.write(b" ")
    first, second = (_said(text) for text in _two(tmp_path))
    assert "passed over" in first[0]
    assert first[1:] == second == ["from 50 50.0"]
    assert _names(latest) == {"100", "110"}


def _two(run: Path) -> list[str]:
    """What two real processes print that train together."""
    environment = os.environ | {"XLA_FLAGS": "", "PYTHONPATH": str(runs.ROOT)}
    address = f"localhost:{runs.free_port()}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO, address, str(process), str(run)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(2)
    ]
    done = [process.communicate(timeout=240) for process in processes]
    for process, (_, err) in zip(processes, done, strict=True):
        assert process.returncode == 0, err
    return [out for out, _ in done]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _said(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("said", "from"))]
