"""What tests of evaluation share: real videos and random weights."""

import functools
from pathlib import Path

import pytest

from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.evaluate.evaluations import CHANGES, LISTED, MISSING
from tests.models import small
from tests.train import runs


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Overrides that point to 64 + 16 real videos of motion pairs."""
    return runs.data(tmp_path_factory.mktemp("pairs") / "data")


@pytest.fixture(scope="session")
def listing(pairs, tmp_path_factory):
    """29 of them to evaluate on, of which one is missing."""
    lines = Path(pairs["data.train"]).read_text().splitlines()[: LISTED - 1]
    path = tmp_path_factory.mktemp("listing") / "validation.txt"
    path.write_text("\n".join([*lines[:MISSING], "missing.mp4 3", *lines[MISSING:]]) + "\n")
    return pairs | CHANGES | {"data.validation": str(path)}


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """overrides -> a folder of random weights of their model, which knows the classes' names.

    Not fresh ones: in those ILA's alignment is not felt, and they take long to compile.
    """

    @functools.cache
    def made(temporal):
        config = runs.config({"model.temporal": temporal}).model
        # Of a seed with which the points' eight features are not all dead.
        variables = small.filled(config, "d")
        folder = tmp_path_factory.mktemp("weights") / temporal
        save(Recognizer(config, variables, CLASSES), folder)
        return folder

    return lambda overrides: made(overrides.get("model.temporal", "ila"))
