"""The address that the page is served at, checked before a model is loaded."""

import errno
import socket


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
