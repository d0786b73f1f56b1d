"""Serving the page: on which address, for how large a file, and where uploads are kept."""

import errno
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ila_jax.serve.desk import Desk
from ila_jax.serve.page import page


def require_gradio(folder: Path) -> Any:
    """Imports gradio, set to keep uploads in a folder and to tell its makers nothing.

    It reads these settings when it is imported. Errors: ValueError where it is not installed.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # No uploads are kept in the browser.
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise ValueError("the page needs gradio: pip install 'ila-jax[demo]'") from error
    return gradio


def check_address(host: str, port: int) -> None:
    """Checks that a page can be served at an address. Errors: ValueError in plain words."""
    hint = "expected 127.0.0.1 (for this machine alone), an address of it, or 0.0.0.0 (all of them)"
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"--host {host!r} names no address ({error}): {hint}") from None
    # Tried here, since gradio blames the port whatever is wrong.
    family, kind, protocol, _, address = addresses[0]
    with socket.socket(family, kind, protocol) as trial:
        # As servers do: a port that was closed a moment ago is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ValueError(f"--port {port} is taken on {host}: give another one") from None
            if error.errno in (errno.EACCES, errno.EPERM):
                raise ValueError(
                    f"--port {port} is for root alone: expected 1024 or more"
                ) from None
            raise ValueError(f"{host} is no address of this machine ({error}): {hint}") from None


@contextmanager
def served(
    gr: Any, desk: Desk, examples: Mapping[str, Path], *, host: str, port: int
) -> Iterator[str]:
    """Serves the page as long as the block runs, and gives its address.

    Errors: OSError for a port that is taken.
    """
    blocks = page(gr, desk, examples)
    try:
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port,
            max_file_size=desk.limits.megabytes << 20,
            share=False,  # no tunnel to a public address
            ssr_mode=False,  # no server of its own in JavaScript
            prevent_thread_lock=True,  # it returns, and the caller waits for Ctrl-C
            quiet=True,
            footer_links=[],
        )
        yield address
    finally:
        # The server has a thread of its own, which would outlive this block.
        blocks.close(verbose=False)
