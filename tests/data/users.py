"""Doing as a user without rights, where the tests run as the one who has all."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Without the superuser's right to read everything, where the tests run as that."""
    nobody = 65534
    if os.geteuid():
        yield
        return
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)
