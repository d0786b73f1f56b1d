"""What tests of scoring share: a data set."""

import pytest

from tests.train import runs


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Overrides that point a run to 64 + 16 real videos."""
    return runs.data(tmp_path_factory.mktemp("pairs") / "data")
