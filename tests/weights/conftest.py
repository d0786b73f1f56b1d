"""A start that is quick to make, for tests that look at other things."""

import pytest

from ila_jax.models import model
from tests.weights import marks


@pytest.fixture
def quick_start(monkeypatch):
    monkeypatch.setattr(model, "initialize", marks.initialize)
