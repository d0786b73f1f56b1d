"""Answers as text, CSV and JSON, written out by hand."""

import csv
import json
import os

import pytest

from ila_jax.answers.answers import Answer, Span, clock, csv_text, text, write_csv, write_json
from ila_jax.recognizer import Prediction

BEST = [Prediction("jump", 0.5), Prediction("wave", 0.3), Prediction("sit", 0.2)]
LONG = Answer("day.mp4", BEST, [Span(0.0, 2.5, BEST), Span(2.5, 61.5, BEST[::-1])], short=True)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0:00.0"),
        (59.96, "1:00.0"),
        (61.5, "1:01.5"),
        (3599.9, "59:59.9"),
        (3723.5, "1:02:03.5"),
    ],
)
def test_a_clock_has_hours_where_there_are_some(seconds, expected):
    assert clock(seconds) == expected


def test_a_timeline_names_the_best_of_each_window_and_then_the_others():
    lines = [" ".join(line.split()) for line in text(LONG).splitlines()]
    assert "0:00.0 0:02.5 jump 50.0% wave 30.0%, sit 20.0%" in lines
    assert "0:02.5 1:01.5 sit 20.0% wave 30.0%, jump 50.0%" in lines
    assert "some windows have fewer frames than the model takes" in text(LONG)
    assert "it has fewer frames" in text(Answer("short.mp4", BEST, short=True))


def test_windows_of_which_no_class_is_probable_enough_stay_in_the_timeline():
    spans = [Span(0.0, 2.5, BEST), Span(2.5, 5.0, [])]
    lines = [" ".join(line.split()) for line in text(Answer("a", BEST[:1], spans)).splitlines()]
    assert "0:00.0 0:02.5 jump 50.0% wave 30.0%, sit 20.0%" in lines
    assert "0:02.5 0:05.0 –" in lines


def test_a_video_of_which_no_class_is_probable_enough_is_told_and_has_its_row(tmp_path):
    answer = Answer("a.mp4")
    assert "no class is as probable as was asked for" in text(answer)
    write_csv(tmp_path / "found.csv", [answer])
    rows = list(csv.reader((tmp_path / "found.csv").read_text().splitlines()))
    assert rows[1:] == [["a.mp4", "", "", "", "", "", ""]]


def test_csv_of_two_models_says_whose_each_row_is_and_quotes_what_has_commas():
    first = Answer("a, b.mp4", [Prediction('say "x", y', 0.5)], [Span(0.0, 2.5, BEST[:1])])
    assert csv_text([first, Answer("c.mp4", BEST[:1])], models=["ila", "runs/a, latest"]) == (
        "model,video,start,end,rank,class,probability,problem\r\n"
        'ila,"a, b.mp4",,,1,"say ""x"", y",0.5,\r\n'
        'ila,"a, b.mp4",0.0,2.5,1,jump,0.5,\r\n'
        '"runs/a, latest",c.mp4,,,1,jump,0.5,\r\n'
    )


def test_csv_has_the_whole_video_and_then_each_window(tmp_path):
    write_csv(tmp_path / "found.csv", [LONG, Answer("bad.mp4", problem="The file is empty.")])
    header, *rows = csv.reader((tmp_path / "found.csv").read_text().splitlines())
    assert header == ["video", "start", "end", "rank", "class", "probability", "problem"]
    assert rows[0] == ["day.mp4", "", "", "1", "jump", "0.5", ""]
    assert rows[5] == ["day.mp4", "0.0", "2.5", "3", "sit", "0.2", ""]
    assert rows[6] == ["day.mp4", "2.5", "61.5", "1", "sit", "0.2", ""]
    assert rows[9:] == [["bad.mp4", "", "", "", "", "", "The file is empty."]]


def test_a_path_that_is_no_text_is_shown_and_written_with_escapes(tmp_path):
    answers = [Answer(os.fsdecode(b"caf\xe9.mp4"), BEST)]
    assert text(answers[0]).startswith("caf\\xe9.mp4\n")
    write_csv(tmp_path / "found.csv", answers)
    write_json(tmp_path / "found.json", answers, {"clips": 4})
    rows = list(csv.reader((tmp_path / "found.csv").read_text("utf-8").splitlines()))
    assert rows[1] == [r"caf\xe9.mp4", "", "", "1", "jump", "0.5", ""]
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert (found["videos"][0]["video"], found["clips"]) == (r"caf\xe9.mp4", 4)
