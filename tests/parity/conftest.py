"""The heads around CLIP start quickly: no test here looks at them."""

import pytest

from ila_jax.models import model
from tests.weights import marks


@pytest.fixture
def quick_start(monkeypatch):
    monkeypatch.setattr(model, "initialize", marks.initialize)
