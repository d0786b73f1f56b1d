"""A stand-in for Hugging Face, and what it holds."""

import pytest

from ila_jax.weights.foreign.names import huggingface
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from tests.weights.foreign.hub_server import serving
from tests.weights.test_adapt import clip_state


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache; the tests' guard is the missing network."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hub(cache, monkeypatch):
    with serving() as (hub, address):
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield hub


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """CLIP under Hugging Face's names: as safetensors, and as torch.save writes it, in bytes."""
    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("weights")
    state = huggingface.from_official(clip_state(), xclip=False)
    names = sorted(state)
    halves = [dict.fromkeys(names[::2]), dict.fromkeys(names[1::2])]
    parts = {"whole": dict.fromkeys(names), "first": halves[0], "second": halves[1]}
    made = {}
    for part, keys in parts.items():
        write_safetensors(folder / part, {name: state[name] for name in keys})
        made[f"{part}.safetensors"] = (folder / part).read_bytes()
        torch.save({n: torch.from_numpy(state[n].copy()) for n in keys}, folder / part)
        made[f"{part}.bin"] = (folder / part).read_bytes()
    return made
