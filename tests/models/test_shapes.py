"""Annotated shapes hold: every temporal model, head and form, under jaxtyping and beartype."""

import functools
import itertools
import json
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from flax import nnx

from ila_jax.models import model
from ila_jax.models.variants import TEMPORAL
from ila_jax.shapes import TemporalBlock
from tests.models import small

ROOT = Path(__file__).parents[2]
CASES = ["/".join(case) for case in itertools.product(TEMPORAL, ["text", "linear"], small.FORMS)]


@functools.cache
def problems():
    """{case: what is wrong, or None}, of `annotated_shapes`."""
    command = [sys.executable, "-m", "tests.models.annotated_shapes"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(run.stdout)


@pytest.mark.parametrize("case", CASES)
def test_shapes_are_as_annotated(case):
    assert problems()[case] is None


def test_a_shape_that_is_not_as_annotated_is_found():
    assert problems().keys() == {*CASES, "planted"}
    assert "SpaceTimeBlock.__call__" in problems()["planted"]


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_block_is_a_temporal_block(temporal):
    config = small.config(temporal)
    block = model.bind(config, small.filled(config)).visual.blocks[0]
    assert isinstance(block, TemporalBlock)
    assert not isinstance(nnx.LayerNorm(8, rngs=nnx.Rngs(jax.random.key(0))), TemporalBlock)
