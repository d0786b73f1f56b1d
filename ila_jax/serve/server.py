"""Serving the page: on which address, for how large a file, and where uploads are kept."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ila_jax.serve.desk import Desk
from ila_jax.serve.page import page
from ila_jax.serve.style import CSS

# The browser asks nobody else, whatever gradio's own scripts would like to load. They need code in
# the page, and code from text.
_OWN_HOST_ALONE = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"


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


@contextmanager
def served(
    gr: Any, desk: Desk, examples: Mapping[str, Path], *, host: str, port: int
) -> Iterator[str]:
    """Serves the page as long as the block runs, and gives its address.

    Errors: OSError for a port that is taken.
    """
    # It comes with gradio.
    from starlette.middleware import Middleware

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
            css=CSS,
            app_kwargs={"middleware": [Middleware(OwnHostAlone)]},
        )
        yield address
    finally:
        # The server has a thread of its own, which would outlive this block.
        blocks.close(verbose=False)


class OwnHostAlone:
    """Tells the browser with every answer to load nothing from another host (ASGI middleware)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request as the application does, with one more header."""

        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", _OWN_HOST_ALONE.encode())
                message = message | {"headers": [*message["headers"], policy]}
            await send(message)

        await self._app(scope, receive, send_with_policy)
