"""Files of weights for the command `convert`."""

import pytest

from ila_jax.weights.foreign.safetensors_file import write_safetensors
from tests.weights.test_adapt import state_of


@pytest.fixture
def file(tmp_path):
    """Writes a state dict, by default an ILA with a linear head, and returns its name."""

    def write(state=None, name="model.safetensors"):
        write_safetensors(tmp_path / name, state or state_of("ila_ssv2_tiny"))
        return str(tmp_path / name)

    return write
