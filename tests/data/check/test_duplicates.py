"""What tells that two videos are the same, without decoding any."""

import numpy as np

from ila_jax.data.check.duplicates import groups, recording, same_content, stat_files
from ila_jax.data.sources.fingerprint import fingerprint


def test_a_fingerprint_is_of_what_there_is():
    one = fingerprint(["a", "b"], np.array([0, 1]))
    assert len(one) == 16
    assert fingerprint(["b", "a"], np.array([1, 0])) == one
    assert fingerprint(["a", "b"], np.array([1, 0])) != one
    assert fingerprint(["a"], np.array([0])) != one


def test_recordings():
    assert recording("abseiling/-_a1B2c3D4e_000010_000020.mp4") == "-_a1B2c3D4e"
    assert recording("-_a1B2c3D4e_000010_000020") == "-_a1B2c3D4e"
    assert recording("a/clip_000010_000020.mp4") is None
    assert recording("a.b/0.mp4") is None
    assert recording("12345") == "12345"


def test_groups_and_contents(tmp_path):
    assert groups("abcab") == [[0, 3], [1, 4]]
    assert groups([None, None, 1]) == []
    half = b"x" * 300_000
    contents = [half, half, half[:-1] + b"y", half[:100_000] + b"z" + half[100_001:], b"x", b""]
    paths = []
    for i, content in enumerate(contents):
        (tmp_path / str(i)).write_bytes(content)
        paths.append(str(tmp_path / str(i)))
    files = stat_files([*paths, str(tmp_path), str(tmp_path / "none")])
    assert files.size.tolist() == [300_000] * 4 + [1, 0, -1, -1]
    # File 3 differs where no piece is looked at: only reading all of it tells.
    assert same_content([*paths, "", ""], files, most=10) == ([[0, 1]], 4, 4)
    assert same_content([*paths, "", ""], files, most=3) == ([], 0, 4)
    (tmp_path / "link").symlink_to(tmp_path / "4")
    linked = [paths[4], str(tmp_path / "link")]
    assert same_content(linked, stat_files(linked), most=0) == ([[0, 1]], 0, 2)
