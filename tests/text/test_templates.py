"""Templates of plain CLIP: the name goes in the place of every pair of braces, and nothing else."""

import pytest

from ila_jax.text.templates import KINETICS, check_templates, chosen, filled


def test_the_name_is_taken_as_it_is():
    assert filled("{}: a video of {} {0}.", "a {} b") == "a {} b: a video of a {} b {0}."


def test_kinetics_alone_stands_for_clips_own():
    assert chosen(["kinetics"]) == KINETICS
    assert chosen(["kinetics", "{}"]) == ("kinetics", "{}")
    check_templates(KINETICS)


@pytest.mark.parametrize("templates", [(), "a video of {}.", ("a video of {}.", "kinetics")])
def test_what_is_no_list_of_templates_is_told(templates):
    with pytest.raises(ValueError, match=r"templates are .*: expected texts with \{\} for"):
        check_templates(templates)
