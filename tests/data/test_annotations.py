"""Annotation lists: what is read, and that every bad line is named."""

import pytest

from ila_jax.data.annotations import Example, read_list


def test_a_list(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a/b.mp4 0\n\n  my clips/of  two words.mp4\t12 \r\n/abs/c.webm 3\nbré.mp4 1")
    assert read_list(path, "/data", 13) == [
        Example("/data/a/b.mp4", 0),
        Example("/data/my clips/of  two words.mp4", 12),
        Example("/abs/c.webm", 3),
        Example("/data/bré.mp4", 1),
    ]


def test_bad_lines_are_reported_together(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a.mp4 1\nb.mp4\nc.mp4 5\nd.mp4 -1\ne.mp4 1.5\n7\nf.mp4 ²\n")
    with pytest.raises(ValueError, match=r"6 lines of .* correct or remove them") as caught:
        read_list(path, "", 5)
    lines = str(caught.value).split("\n  ")[1:]
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "5", "6", "7"]
    assert "expected a path and a label, found 'b.mp4'" in lines[0]
    assert "the label is 5, but there are 5 classes, 0 to 4" in lines[1]
    assert "expected a label from 0 to 4 at the end, found '-1'" in lines[2]


def test_the_report_is_short(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a.mp4\n" * 25)
    with pytest.raises(ValueError, match=r"25 lines") as caught:
        read_list(path, "", 5)
    assert str(caught.value).count("\n") == 11
    assert str(caught.value).endswith("and 15 more")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_list(tmp_path, text):
    (tmp_path / "train.txt").write_text(text)
    with pytest.raises(ValueError, match="lists no videos: expected lines like"):
        read_list(tmp_path / "train.txt", "", 5)


def test_no_list(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"train.txt does not exist: expected an annotation"
    ):
        read_list(tmp_path / "train.txt", "", 5)
    with pytest.raises(ValueError, match="is a folder"):
        read_list(tmp_path, "", 5)
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\x00a.mp4 1")
    with pytest.raises(ValueError, match=r"not UTF-8 text \(byte 0\)"):
        read_list(tmp_path / "train.txt", "", 5)
