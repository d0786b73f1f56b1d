"""Watching a camera or a stream: one process sends, another one answers, until Ctrl-C."""

import json
import signal
import subprocess
import sys
from datetime import datetime

import numpy as np
import pytest

from ila_jax.data.clips.live_windows import LiveWindow
from ila_jax.predict import watching
from ila_jax.predict.__main__ import main
from ila_jax.predict.watching import LiveAnswer, Tally
from ila_jax.predictions import Prediction, Span
from ila_jax.weights.folder import load
from tests.data.video.live_servers import Sender, serving, transport_stream


def test_latency_and_rates_are_those_of_the_clock():
    now = [10.0]
    tally = Tally(lambda: now[0])
    now[0] = 12.0
    assert tally.add(11.75, 50) == (0.25, 0.5, 25.0)
    now[0] = 14.0
    assert tally.add(13.0, 90) == (1.0, 0.5, 22.5)
    for _ in range(12):  # from here on ten answers a second: older ones no longer count
        now[0] += 0.125
        rates = tally.add(now[0], 90)
    assert rates == (0.0, 8.0, 0.0)
    counts = type("Counts", (), {"pictures": 90, "skipped": 3, "reconnections": 1})
    assert tally.summary(counts) == (
        "watched for 0:05.5: 14 answers, 90 frames, 3 windows skipped, 1 reconnection; latency "
        "0.09 s on average, 1.00 s at most"
    )


def test_a_line_for_people_and_one_for_programs():
    span = Span(61.0, 63.0, [Prediction("left", 0.923), Prediction("right", 0.018)])
    answer = LiveAnswer(
        "camera 0", span, "2026-01-01T00:00:00.000+00:00", 0.21, 1.0, 25.0, 3, False
    )
    assert answer.text() == (
        "  1:01.0    1:03.0   0.21 s late  left 92.3%  right 1.8%  "
        "(1.0 answers/s, 25.0 frames/s, 3 skipped)"
    )
    line = answer.json()
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "source": "camera 0",
        "start": 61.0,
        "end": 63.0,
        "predictions": [
            {"name": "left", "probability": 0.923},
            {"name": "right", "probability": 0.018},
        ],
        "captured": "2026-01-01T00:00:00.000+00:00",
        "latency": 0.21,
        "answers_per_second": 1.0,
        "frames_per_second": 25.0,
        "skipped": 3,
        "short": False,
    }


def test_a_window_is_answered_as_a_video_of_its_frames(weights):
    frames = np.random.default_rng(0).integers(0, 256, (7, 20, 30, 3), np.uint8)
    model = load(weights)
    shrunk = [model.views.shrink(frame, 1) for frame in frames]
    window = LiveWindow(0, 0.0, 1.0, 0.0, shrunk)
    np.testing.assert_array_equal(window.views(model.views), model.look(frames))


def test_one_process_sends_and_another_answers_until_ctrl_c(weights, tmp_path):
    found = tmp_path / "new" / "answers.jsonl"
    sender = Sender(transport_stream(50), transport_stream(50, first=50), user="me:secret")
    with serving("http", sender) as place:
        url = f"http://me:secret@{place}/live?key=secret"
        command = [sys.executable, "-m", "ila_jax.predict", weights, url, "--window", "0.4"]
        process = subprocess.Popen(
            [*command, "--top-k", "2", "--json", str(found)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "s late  " in line
    assert "frames/s" in line
    first = json.loads(found.read_text().splitlines()[0])
    assert first["source"] == f"http://{place}/live"
    assert first["end"] - first["start"] == pytest.approx(0.4)
    assert len(first["predictions"]) == 2
    assert datetime.fromisoformat(first["captured"]).tzinfo is not None
    assert f"watching http://{place}/live: 0.4 s every 0.2 s; Ctrl-C ends it\n" in err
    assert "\nwatched for 0:" in err
    assert err.endswith("stopped\n")
    assert "secret" not in line + out + err + found.read_text()


def test_a_file_on_a_server_is_answered_to_its_end_in_lines_that_are_added(
    weights, tmp_path, capsys
):
    found = tmp_path / "answers.jsonl"
    found.write_text("{}\n")
    with serving("http", Sender(transport_stream(50), hold=False)) as place:
        url = f"http://{place}/file.ts"
        assert main([weights, url, "--stride", "0.5", "--window", "1", "--json", str(found)]) == 0
    out, err = capsys.readouterr()
    before, *lines = found.read_text().splitlines()
    assert before == "{}"
    assert len(lines) == len(out.splitlines()) >= 1
    assert "50 frames" in err


def test_a_slow_model_is_told_how_to_be_quicker(weights, monkeypatch, capsys):
    class Slow:
        pictures, skipped, reconnections = 50, 7, 0

        def __init__(self, *_, **__):
            pass

        def __iter__(self):
            frames = 3 * [np.zeros((20, 30, 3), np.uint8)]
            yield LiveWindow(0, 0.0, 2.0, 0.0, frames)

    monkeypatch.setattr(watching, "LiveWindows", Slow)
    assert main([weights, "rtsp://127.0.0.1/live"]) == 0
    out, err = capsys.readouterr()
    assert "7 skipped)" in out
    assert "--clips 1 --crops 1 looks once in place of 12 times" in err
    assert main([weights, "rtsp://127.0.0.1/live", "--clips", "1", "--crops", "1"]) == 0
    assert "--clips" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name videos, or a stream such as rtsp://HOST/PATH, or --camera 0"),
        (["--camera", "-1"], "--camera is -1: expected a number from 0"),
        (["--camera", "0", "a.mp4"], "a camera or a stream is watched alone"),
        (["rtsp://h/a", "a.mp4"], "a camera or a stream is watched alone"),
        (["rtsp://h/a", "--csv", "a.csv"], "--csv is for videos"),
        (["rtsp://h/a", "--window", "61"], "expected up to 60 s"),
        (["ftp://me:secret@h/a"], "ftp:// is no stream that can be watched"),
        (["rtsp://h/a", "--json", "."], "Is a directory"),
        (["--camera", "4711"], "camera 4711: No such file or directory"),
        (["http://127.0.0.1:1/a"], "http://127.0.0.1:1/a: Connection refused"),
    ],
)
def test_what_cannot_be_watched_is_told_in_words(arguments, words, weights, capsys):
    assert main([weights, *arguments]) == 1
    out, err = capsys.readouterr()
    assert words in err
    assert "secret" not in err
    assert not out
