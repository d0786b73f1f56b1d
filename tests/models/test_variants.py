"""What a temporal model consists of: a test fails by the model's name for each part forgotten."""

import importlib
import re
from pathlib import Path

import pytest

from ila_jax.cost.formulas import COSTS
from ila_jax.models.temporal.block import SpaceTimeBlock
from ila_jax.models.variants import TEMPORAL
from tests.models import reference

ROOT = Path(__file__).parents[2]
FILES = sorted(path.stem for path in (ROOT / "ila_jax/models/temporal").glob("*.py"))
HEADINGS = re.findall(r"^##.*", (ROOT / "docs/explanation/models.md").read_text(), re.MULTILINE)


def blocks_of(file):
    """The blocks that a file of `ila_jax/models/temporal/` defines."""
    module = importlib.import_module(f"ila_jax.models.temporal.{file}")
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    mine = [made for made in classes if made.__module__ == module.__name__]
    return {made for made in mine if issubclass(made, SpaceTimeBlock)} - {SpaceTimeBlock}


@pytest.mark.parametrize("file", FILES)
def test_every_block_is_in_a_row_of_variants(file):
    registered = {row.block for row in TEMPORAL.values()}
    assert blocks_of(file) <= registered, "add a row to TEMPORAL in ila_jax/models/variants.py"


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_model_has_a_file_of_its_own(temporal):
    """Plain CLIP has no temporal model: its block is the spatial one."""
    file = TEMPORAL[temporal].block.__module__.rpartition(".")[2]
    others = {name for name, row in TEMPORAL.items() if row.block.__module__.endswith(f".{file}")}
    assert others - {"clip"} <= {temporal if temporal != "clip" else "spatial"}
    assert blocks_of(file) == {TEMPORAL[temporal].block}


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_model_has_a_row_of_costs(temporal):
    assert temporal in COSTS, "add a row to COSTS in ila_jax/cost/formulas.py"


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_model_has_a_reference_in_loops(temporal):
    assert temporal in reference.MODELS, "add a row to MODELS in tests/models/reference.py"


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_model_has_its_section_of_the_docs(temporal):
    """Its heading has the model's name, as it is typed, between backquotes."""
    sections = [heading for heading in HEADINGS if f"`{temporal}`" in heading]
    assert len(sections) == 1, f"add a section to models.md with `{temporal}` in its heading"


@pytest.mark.parametrize("names", [COSTS, reference.MODELS])
def test_no_row_is_left_of_a_model_that_is_no_more(names):
    assert names.keys() <= TEMPORAL.keys()
