"""hf:// over a connection that breaks off, after an interruption, and without a network."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.hub import fetch
from tests.weights.foreign.test_hub import CONFIG, NAME, constants, equal_to_clip, index

pytestmark = pytest.mark.usefixtures("quick_start")


def test_a_connection_that_breaks_off_goes_on_where_it_was(hub, weights, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # of a larger file: 10 MB
    body = weights["whole.bin"]
    hub.files["main"] = CONFIG | {"pytorch_model.bin": body}
    hub.breaks = [5000]
    equal_to_clip(read(NAME).state)
    assert hub.sent["pytorch_model.bin"] == len(body)
    assert "bytes=5000-" in [asked[2] for asked in hub.asked]


def test_a_connection_that_is_reset_is_tried_again(hub, weights):
    """The library ends at this, and not at the other."""
    hub.files["main"] = CONFIG | {"pytorch_model.bin": weights["whole.bin"]}
    hub.breaks, hub.resets = [5000], True
    equal_to_clip(read(NAME).state)
    assert not hub.breaks


def test_a_file_that_never_comes_whole_is_not_taken(hub, weights, cache, monkeypatch):
    """Later, without a network, half of it is no model; with one it is fetched."""
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the library waits before each new try
    body = weights["whole.bin"]
    hub.files["main"] = CONFIG | {"pytorch_model.bin": body}
    hub.breaks = [0] * 20
    with pytest.raises(ValueError, match="cannot be fetched: no connection, or it broke off"):
        read(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"is not in the cache and .*: HF_HUB_OFFLINE is set"):
        read(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.breaks = []
    equal_to_clip(read(NAME).state)


def test_what_was_fetched_is_there_without_the_hub(hub, weights, monkeypatch, capsys):
    hub.files["main"] = CONFIG | index(weights, "bin", "pytorch_model")
    read(NAME)
    file = f"{NAME}/config.json"
    assert fetch(file).name == "config.json"
    hub.refuses = {"api": (503, "")}
    equal_to_clip(read(NAME).state)
    assert fetch(file).name == "config.json"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    equal_to_clip(read(NAME).state)
    assert len(hub.asked) == asked
    assert "HF_HUB_OFFLINE is set" in capsys.readouterr().err


def test_a_shard_that_is_not_in_the_cache_is_no_model(hub, weights, cache):
    shards = index(weights, "bin", "pytorch_model")
    hub.files["main"] = CONFIG | shards
    read(NAME)
    for path in cache.rglob("*-00002-of-00002.bin"):
        path.unlink()
    hub.refuses = {"api": (503, "")}
    with pytest.raises(ValueError, match="is not in the cache and cannot be fetched"):
        read(NAME)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_after_an_interruption_the_next_start_fetches_it(hub, weights, cache, stop):
    """The command is stopped while the server holds back the second half of a file."""
    body = weights["whole.bin"]
    hub.files["main"] = CONFIG | {"pytorch_model.bin": body}
    hub.holds = len(body) // 2
    command = [sys.executable, "-m", "ila_jax.convert", "--input", NAME, "--inspect"]
    env = {**os.environ, "HF_HUB_CACHE": str(cache)}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert hub.holding.wait(60)
        run.send_signal(stop)
        _, err = run.communicate(timeout=60)
    assert run.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in err
    hub.holds = 0
    hub.released.set()
    equal_to_clip(read(NAME).state)
