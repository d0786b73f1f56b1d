"""The parts of a model by path, and that a path of none says which table to add to."""

import pytest

from ila_jax.models import model
from ila_jax.models.parts import PARTS, part_of
from ila_jax.models.paths import by_path
from ila_jax.models.variants import TEMPORAL
from ila_jax.train.parameter_groups import GROUPS, find_lr_factors
from ila_jax.weights.conversion import PARTS_IN_WORDS
from tests.models import small


def test_only_the_name_tells_what_is_new_from_clips_own():
    assert part_of("visual/blocks/0/temporal/fc/kernel") == "temporal"
    assert part_of("visual/temporal_embedding") == "temporal"
    assert part_of("visual/blocks/0/bitemporal/kernel") == "temporal"
    assert part_of("visual/blocks/0/temporal_fc/kernel") == "tower"
    assert part_of("visual/blocks/0/alpha") == "tower"


def test_what_is_named_otherwise_is_trained_as_the_tower_and_frozen_in_ssv2():
    params = {"visual": {"temporal": {"new": 0}, "shift": {"new": 0}}}
    assert find_lr_factors(params, GROUPS["k400"]) == {
        "visual/temporal/new": 10.0,
        "visual/shift/new": 1.0,
    }
    assert find_lr_factors(params, GROUPS["ssv2"]) == {
        "visual/temporal/new": 1.0,
        "visual/shift/new": 0.0,
    }


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_parameter_has_a_part_and_every_part_its_words(temporal):
    paths = by_path(model.abstract(small.config(temporal, "text")).params)
    assert {part_of(path) for path in paths} <= PARTS.keys() == PARTS_IN_WORDS.keys()


def test_a_path_of_no_part_names_the_table():
    with pytest.raises(ValueError, match=r"audio/kernel .* add a row to PARTS in ila_jax"):
        part_of("audio/kernel")
