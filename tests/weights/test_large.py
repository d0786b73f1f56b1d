"""Real sizes: how long a conversion takes, and how much memory."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ila_jax.config import ModelConfig
from ila_jax.models.model import abstract
from ila_jax.weights.foreign.names.recognise import rules_of
from ila_jax.weights.foreign.safetensors_file import write_safetensors

pytestmark = pytest.mark.slow


def random_state(size):
    """An ILA of a size under official names."""
    config = ModelConfig(
        size=size, temporal="ila", frames=8, head="text", classes=None, convolutions="k400",
        channels=256, dropout=0.5, precision="float32",
    )  # fmt: skip
    random, state = np.random.default_rng(0), {}
    for tree in abstract(config):
        for path, value in flatten_dict(tree, sep="/").items():
            rule = next(rule for rule in rules_of(config) if rule.inverse(path))
            shape = rule.layout.to_torch(np.empty(value.shape, np.bool_)).shape
            state[rule.inverse(path)] = random.standard_normal(shape, np.float32)
    return state


@pytest.mark.parametrize("size", ["B/32", "L/14"])
@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_a_conversion_takes_less_than_three_times_the_file(size, form, tmp_path):
    """Of memory; its seconds are printed (`-s`)."""
    path, state = tmp_path / f"model.{form}", random_state(size)
    if form == "pth":
        torch = pytest.importorskip("torch")
        torch.save({"model": {n: torch.from_numpy(v) for n, v in state.items()}}, path)
    else:
        write_safetensors(path, state)
    del state
    code = (
        "import sys\nfrom ila_jax import convert\nconvert.main(sys.argv[1:])\n"
        # Not getrusage, whose peak begins with that of the process that started this one.
        "print(*(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    arguments = ["--input", str(path), "--output", str(tmp_path / "made")]
    start = time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    took, peak = (
        time.perf_counter() - start,
        int(re.search(r"VmHWM:\s+(\d+)", finished.stdout)[1]) * 1024,
    )
    print(f"{size} {form}: {took:.1f} s, {peak / path.stat().st_size:.2f} times the file")
    assert peak < 3 * path.stat().st_size
