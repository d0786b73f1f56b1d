"""The command's words on what it cannot serve."""

import errno
import os
import socket
import sys

import pytest

from ila_jax.serve import __main__ as serve

SETTINGS = (
    "GRADIO_TEMP_DIR",
    "GRADIO_ANALYTICS_ENABLED",
    "GRADIO_RUN_HISTORY",
    "HF_HUB_DISABLE_TELEMETRY",
)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--max-mb", "0"], "--max-mb is 0: expected more than 0"),
        (["--max-minutes", "-1"], "--max-minutes is -1"),
        (["--time-limit", "0"], "--time-limit is 0"),
        (["--time-limit", "nan"], "--time-limit is nan: expected more than 0"),
        (["--port", "99999"], "--port is 99999: expected 1 to 65535"),
        (["--host", ""], "--host is empty"),
        (["--host", " "], "--host ' ' names no address"),
        (["--host", "a..b"], "names no address"),
        (["runs/nowhere"], "both models are runs/nowhere: name two"),
        (["--examples", "nowhere.mp4"], "there is no file nowhere.mp4"),
    ],
)
def test_bad_arguments(given, words, capsys):
    assert serve.main(["runs/nowhere", *given]) == 1
    assert words in capsys.readouterr().err


def test_a_port_that_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert serve.main(["runs/nowhere", "--port", port]) == 1
    assert f"--port {port} is taken on 127.0.0.1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "--port 80 is for root alone: expected 1024 or more"),
        (errno.EADDRNOTAVAIL, "127.0.0.1 is no address of this machine"),
    ],
)
def test_an_address_that_the_system_refuses(number, words, monkeypatch, capsys):
    def refuse(self, address):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert serve.main(["runs/nowhere", "--port", "80"]) == 1
    assert words in capsys.readouterr().err


def test_without_gradio_the_way_to_get_it_is_told(monkeypatch, capsys):
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # so that it is undone
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert serve.main(["runs/nowhere"]) == 1
    assert "pip install 'ila-jax[demo]'" in capsys.readouterr().err
