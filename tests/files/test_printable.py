"""Names that are no UTF-8 are written so that every reader takes them."""

import io
import json
import os

import pytest

from ila_jax.files.json_files import json_text
from ila_jax.files.printable import HANDLER, printable, register

CAFE = os.fsdecode(b"caf\xe9")


def test_bytes_that_are_no_text_become_escapes_and_text_stays():
    assert printable(CAFE) == r"caf\xe9"
    assert printable("café 👍 कि") == "café 👍 कि"
    assert printable(os.fsdecode("é".encode() + b"\xff")) == r"é\xff"
    assert printable("half \ud83d") == r"half \ud83d"


def test_json_is_utf8_and_the_same_to_a_reader():
    text = json_text({CAFE: [CAFE, ("é", 1.5, None)]}, indent=1)
    assert json.loads(text.encode()) == {r"caf\xe9": [r"caf\xe9", ["é", 1.5, None]]}


@pytest.mark.parametrize(
    ("encoding", "want"),
    [
        ("utf-8", r"é 👍 caf\xe9".encode()),
        ("ascii", rb"\xe9 \U0001f44d caf\xe9"),
        ("cp1252", rb"%s \U0001f44d caf\xe9" % "é".encode("cp1252")),
    ],
)
def test_a_stream_of_any_encoding_takes_any_name(encoding, want):
    register()
    stream = io.TextIOWrapper(io.BytesIO(), encoding, errors=HANDLER)
    print(f"é 👍 {CAFE}", end="", file=stream, flush=True)
    assert stream.buffer.getvalue() == want
