"""CLIP into divided attention and ATA: along time it starts as CLIP's own (models.md 4)."""

import dataclasses

import numpy as np
import pytest

from ila_jax.weights.adapt import Allow, adapt
from ila_jax.weights.state_dict import read_state
from tests.weights.test_adapt import clip_state, flat

pytestmark = pytest.mark.usefixtures("quick_start")


@pytest.mark.parametrize("temporal", ["divided", "ata"])
def test_attention_along_time_starts_as_clips_own(temporal):
    config, variables, origin = read_state(clip_state())
    target = dataclasses.replace(config, temporal=temporal)
    made, report = adapt(config, variables, origin, target, allow=Allow(), seed=0)
    got, block = flat(made), "visual/blocks/0"
    copies = {p: p.replace("temporal", "spatial") for p in got if f"{block}/temporal/attn/" in p}
    copies |= {
        f"{block}/temporal/norm/{s}": f"{block}/spatial/norm1/{s}" for s in ("scale", "bias")
    }
    assert len(copies) == 6
    for path, source_path in copies.items():
        assert path in report.new
        np.testing.assert_array_equal(got[path], got[source_path], err_msg=path)
