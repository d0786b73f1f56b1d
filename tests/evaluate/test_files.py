"""The files of an evaluation hold what was scored, and a page that asks nobody for anything."""

import base64
import html.parser
import json
import re
import shutil

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from ila_jax.data.video.bad import Reason
from ila_jax.evaluate import __main__ as evaluate
from ila_jax.evaluate import paired, predictions, results
from ila_jax.evaluate.accuracy import ScoredVideos
from ila_jax.evaluate.gallery import surest
from ila_jax.evaluate.parts import ScoredParts
from ila_jax.scoring.metrics import METRICS, Metric
from ila_jax.weights.digest import digest
from tests.evaluate import made_up

MISSING = made_up.BAD[0]


@pytest.fixture(scope="module")
def subject(pairs):
    return made_up.subject(pairs)


@pytest.fixture(scope="module")
def folder(subject, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    made_up.evaluation(folder, subject)
    return folder


@pytest.fixture(scope="module")
def scored(folder):
    """video -> what was scored of it."""
    found = {}
    for _, rows in ScoredParts(folder / "parts").read():
        for row, video in enumerate(rows["index"].tolist()):
            found[video] = {name: rows[name][row] for name in ("probabilities", "points", "short")}
    return found


def test_a_row_for_each_listed_video(subject, folder, scored):
    table = pq.read_table(folder / "predictions.parquet")
    rows = table.to_pylist()
    assert [row["video"] for row in rows] == list(subject.ids)
    assert [row["label"] for row in rows] == subject.source.labels.tolist()
    assert json.loads(table.schema.metadata[b"class_names"]) == list(made_up.CLASS_NAMES)
    for video, row in enumerate(rows):
        if video == MISSING:
            assert (row["readable"], row["reason"]) == (False, "DAMAGED")
            empty = ("predicted", "probabilities", "view_probabilities", "points")
            assert [row[name] for name in empty] == [None] * 4
            continue
        one = scored[video]
        mean = one["probabilities"].astype(np.float64).mean(axis=0)
        assert (row["readable"], row["reason"], row["short"]) == (True, None, one["short"])
        np.testing.assert_array_equal(np.float32(row["view_probabilities"]), one["probabilities"])
        np.testing.assert_array_equal(row["probabilities"], mean)
        np.testing.assert_array_equal(np.float32(row["points"]), one["points"])
        assert row["predicted"] == mean.argmax()


def test_a_finished_evaluation_that_lost_a_file_is_told(folder, tmp_path):
    results.check_whole(folder)
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "predictions.parquet").unlink()
    with pytest.raises(ValueError, match=r"copy has lost predictions.parquet: give another"):
        results.check_whole(tmp_path / "copy")


def test_the_numbers_are_those_of_the_rows(subject, folder):
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    result = json.loads((folder / "result.json").read_text())
    right = sum(row["predicted"] == row["label"] for row in rows)
    assert result["videos"] == {"listed": 16, "decoded": 15, "short": 1}
    assert result["top1"]["listed"]["value"] == right / 16
    assert result["top1"]["decoded"]["value"] == right / 15
    assert sum(one["hits"] for one in result["per_class"]) == right
    assert result["unreadable"] == [
        {
            "video": subject.ids[MISSING],
            "reason": "DAMAGED",
            "said": Reason.DAMAGED.sentence,
        }
    ]
    assert result["checkpoint"] == {"read": made_up.CHECKPOINT, "step": 375}
    assert len(result["same"]["videos"]) == 16
    assert result["same"]["weights"] == digest(subject.recognizer.variables)
    assert result["versions"]["jax"]


class Page(html.parser.HTMLParser):
    """What a browser would see: tags, what they refer to, and the text between them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.addresses, self.text, self.open = [], [], "", []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "srcset", "action")]
        assert not any(k.startswith("on") for k, _ in attrs)
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text())


def test_the_page_holds_all_that_it_shows(page, folder):
    assert page.open == []
    assert all(address.startswith("data:") for address in page.addresses)
    assert not {"script", "iframe", "object", "embed", "base"} & set(page.tags)
    styles = re.findall(r"<style>.*?</style>", (folder / "report.html").read_text(), re.S)
    assert not any("url(" in style or "@import" in style for style in styles)


def test_names_are_text(page):
    assert {"b", "h1", "svg"} <= set(page.tags)  # b of the gallery, not of the checkpoint's name
    for name in (*made_up.CLASS_NAMES[:2], made_up.CHECKPOINT):
        assert name in page.text


def test_the_gallery_shows_frames_and_masks(page, subject, folder):
    strips = [address for address in page.addresses if address.startswith("data:image/jpeg")]
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    read = [row for row in rows if row["readable"]]
    hits = [row for row in read if row["predicted"] == row["label"]]
    shown = min(6, len(hits)) + min(6, len(read) - len(hits))
    assert shown > 6
    assert len(strips) == 2 * shown  # frames, and the masks of the one block
    pictures = [picture(strip) for strip in strips[:2]]
    assert {p.shape for p in pictures} == {(96, 4 * 96 + 3 * 3, 3)}  # 3 between two
    # Of the surest hit, as OpenCV reads its file.
    surest_hit = max(hits, key=lambda row: max(row["probabilities"]))
    path = subject.source.name(rows.index(surest_hit))
    first = next(iter(frames_of(path)))
    left = cv2.resize(first, (21, 16))[:, :16]  # short side 16, the first crop
    expected = cv2.resize(left, (96, 96), interpolation=cv2.INTER_CUBIC)
    assert np.abs(pictures[0][:, :96].astype(int) - expected).mean() < 12
    assert pictures[1].mean() < pictures[0].mean()  # masks darken


def picture(address):
    data = base64.b64decode(address.partition(",")[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def frames_of(path):
    """The frames of the first clip of two are 0, F/4, …; the first is enough here."""
    video = cv2.VideoCapture(path)
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    frames = [video.read()[1] for _ in range(count)]
    yield frames[count // 16]  # ⌊(0 + ¼)·F/4⌋


def test_the_surest_come_first():
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.0, 0.0]])
    videos = ScoredVideos(
        np.array([0, 1, 1, 0, 0]), np.array([-1, -1, -1, -1, 0]), np.zeros(5, bool), shares
    )
    assert surest(videos, 6) == ([0, 2], [3, 1])
    assert surest(videos, 1) == ([0], [3])


def test_rows_are_the_same_in_groups_of_any_size(tmp_path, subject, folder, monkeypatch):
    monkeypatch.setattr(predictions, "_GROUP", 6)  # of 16 videos in parts of 5: 10, then 6
    made_up.evaluation(tmp_path, subject)
    tables = [path / "predictions.parquet" for path in (folder, tmp_path)]
    assert [pq.ParquetFile(table).num_row_groups for table in tables] == [1, 2]
    whole, cut = (pq.read_table(table).to_pylist() for table in tables)
    np.testing.assert_equal(cut, whole)


def test_two_evaluations_are_paired_by_their_videos(tmp_path, subject, folder):
    """The other lists the same videos from the last to the first."""
    other = tmp_path / "other"
    made_up.evaluation(other, made_up.backwards(subject), seed=1)
    found = paired.compare(folder, other)
    one, two = (
        {row["video"]: row for row in pq.read_table(f / "predictions.parquet").to_pylist()}
        for f in (folder, other)
    )
    both = [v for v in one if one[v]["readable"] and two[v]["readable"]]
    assert len(both) == found.videos == 14
    right = [(one[v]["predicted"] == one[v]["label"], two[v]["predicted"] == one[v]["label"])
             for v in both]  # fmt: skip
    assert [found.both, found.only_one, found.only_other, found.neither] == [
        right.count(pair) for pair in [(True, True), (True, False), (False, True), (False, False)]
    ]
    assert found.p == paired.mcnemar(found.only_one, found.only_other)
    changed = {v for v in one if one[v]["predicted"] != two[v]["predicted"]}
    assert {each.video for each in found.changed} == changed
    unread = next(each for each in found.changed if each.video == subject.ids[MISSING])
    assert unread.one is None
    assert made_up.CLASS_NAMES.index(unread.other) == two[unread.video]["predicted"]
    said = paired.described(found, folder, other)
    assert "14 videos that both could read" in said
    assert "A cannot read it" in said
    assert len(json.loads(paired.as_json(found, folder, other))["changed"]) == len(changed)


def test_different_data_are_not_compared(tmp_path, folder):
    other = tmp_path / "other"
    other.mkdir()
    result = json.loads((folder / "result.json").read_text())
    result["same"]["videos"] = "0" * 16
    (other / "result.json").write_text(json.dumps(result))
    with pytest.raises(ValueError, match="of different videos or labels"):
        paired.compare(folder, other)
    with pytest.raises(ValueError, match="no finished evaluation"):
        paired.compare(folder, tmp_path)
    (other / "result.json").write_text((folder / "result.json").read_text())
    with pytest.raises(ValueError, match=r"predictions.parquet is missing"):
        paired.compare(folder, other)
    for text, words in (('{"same": ', "is damaged"), ("{}", "is not the result of an evaluation")):
        (other / "result.json").write_text(text)
        with pytest.raises(ValueError, match=rf"other/result.json {words}"):
            paired.compare(folder, other)


def test_a_folder_is_of_one_evaluation(tmp_path, subject, folder):
    about = subject.about()
    results.check_folder(folder, about)
    changed = about | {"same": about["same"] | {"crops": 1}}
    with pytest.raises(ValueError, match=r"another evaluation.*\n  crops: 3, 1\n.*--output"):
        results.check_folder(folder, changed)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(ValueError, match=r"holds result.json of something else"):
        results.check_folder(tmp_path, about)
    for text, words in (("{", "is damaged"), ("{}", "is not what an evaluation is of")):
        (tmp_path / "evaluation.json").write_text(text)
        with pytest.raises(ValueError, match=f"evaluation.json {words}"):
            results.check_folder(tmp_path, about)
    with pytest.raises(ValueError, match=r"result.json is a file: expected a folder"):
        results.check_folder(tmp_path / "result.json", about)


def test_parts_end_where_one_is_missing_and_a_damaged_one_is_named(tmp_path, subject):
    parts = made_up.write_parts(tmp_path, subject, seed=0)
    assert parts.end() == 16
    path = tmp_path / "parts" / "00000005-00000010.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"00000005-00000010.npz is damaged.*delete it"):
        list(parts.read())
    path.unlink()
    assert parts.end() == 5
    assert [which for which, _ in parts.read()] == [range(5)]


def test_a_metric_of_the_table_comes_out_of_results_report_and_comparison(
    tmp_path, subject, monkeypatch
):
    sure = Metric("sure and right", lambda p, label: p[np.arange(len(p)), label] > 0.5)
    mean = Metric("probability of the label", lambda p, label: p[np.arange(len(p)), label].mean())
    monkeypatch.setitem(METRICS, "sure", sure)
    monkeypatch.setitem(METRICS, "right", mean)
    folder = tmp_path / "evaluation"
    page = made_up.evaluation(folder, subject).read_text()
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    right = [row["probabilities"][row["label"]] for row in rows if row["readable"]]
    result = results.read_result(folder)
    hits = sum(probability > 0.5 for probability in right)
    assert result["sure"]["listed"]["hits"] == result["sure"]["decoded"]["hits"] == hits
    assert result["sure"]["listed"]["value"] == hits / 16
    assert result["right"] == {"decoded": {"value": np.mean(right)}}
    assert "sure and right, of the videos listed" in page
    assert f"{np.mean(right):.2%}" in page
    few, classes = result["cautions"]
    assert few.startswith("The 15 validation videos are few")
    assert f"<p>{few}.</p>" in page
    # A name that is markup stays text.
    assert classes.startswith("8 of 8 classes")
    assert html.escape(classes) in page
    assert f"caution: {few}." in evaluate._table(result, folder)
    assert "sure and right of those read" in evaluate._table(result, folder)
    pair = paired.compare(folder, folder)
    assert pair.metrics["sure"] == {"A": hits / 15, "B": hits / 15}
    assert f"probability of the label of them: A {np.mean(right):.2%}" in paired.described(
        pair, folder, folder
    )
    assert json.loads(paired.as_json(pair, folder, folder))["metrics"]["top1"].keys() == {"A", "B"}
