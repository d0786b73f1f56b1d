"""Serving the page: on which address, for how large a file, and where uploads are kept."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ila_jax.serving.desk import Desk
from ila_jax.serving.page import page


def require_gradio(folder: Path) -> Any:
    """The module, set to keep uploads in a folder and to tell its makers nothing.

    It reads these settings when it is imported. Errors: ValueError where it is missing.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"  # no uploads kept in the browser
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise ValueError("the page needs gradio: pip install 'ila-jax[demo]'") from error
    return gradio


@contextmanager
def served(
    gr: Any, desk: Desk, examples: Mapping[str, Path], *, host: str, port: int
) -> Iterator[str]:
    """The page's address, while it is served. Errors: OSError for a port that is taken."""
    blocks = page(gr, desk, examples)
    try:
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port,
            max_file_size=desk.limits.megabytes << 20,
            share=False,  # no tunnel to a public address
            ssr_mode=False,  # no server of its own in JavaScript
            prevent_thread_lock=True,
            quiet=True,
            footer_links=[],
        )
        yield address
    finally:
        blocks.close(verbose=False)
