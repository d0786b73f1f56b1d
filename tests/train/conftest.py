"""What the tests of runs share: a data set, and one undisturbed run."""

import pytest

from tests.train import runs


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Overrides that point a run to 64 + 16 real videos."""
    return runs.data(tmp_path_factory.mktemp("pairs") / "data")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, pairs, cache):
    """Folder of a run from the first step to the last, with two loading threads and a trace."""
    workdir = tmp_path_factory.mktemp("undisturbed") / "run"
    told = {"train.peak_tflops": 0.5}
    run = runs.start(workdir, pairs | told, cache=cache, flags=["--profile", "100:101"])
    assert "the trace is in" in runs.finish(run)
    return workdir
