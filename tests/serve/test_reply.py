"""Where two models differ, by hand, and how the page says so."""

import numpy as np
import pytest

from ila_jax.answers.answers import Answer, Span
from ila_jax.recognizer import Prediction
from ila_jax.serve.markup import classes_html, message_html, timeline_html
from ila_jax.serve.reply import Agreement, ModelAnswer, Reply
from ila_jax.serve.words import sentences


def answer(title, names, shares, steps=(), *, short=False):
    """What a model says that is surest of `shares` for the whole, and of one class in each step."""
    best = sorted(zip(names, shares, strict=True), key=lambda item: -item[1])[:2]
    spans = [Span(5.0 * i, 5.0 * i + 5, [Prediction(*step)]) for i, step in enumerate(steps)]
    predictions = [Prediction(*item) for item in best]
    whole = Answer("clip.mp4", predictions, spans, short)
    return ModelAnswer(title, tuple(names), np.array(shares), whole, view=None)


JUMP, WAVE = ("jump", 0.5), ("wave", 0.25)
FIRST = answer("a", ["jump", "wave", "<sit>"], [0.1, 0.7, 0.2], [JUMP, WAVE, ("<sit>", 1.0), JUMP])
SECOND = answer("b", ["wave", "jump", "run"], [0.6, 0.1, 0.3], [JUMP, JUMP, JUMP, ("run", 0.5)])
BOTH = Reply("clip.mp4", [FIRST, SECOND])
ALONE = Reply("clip.mp4", [FIRST])


def test_windows_agree_differ_or_cannot_be_compared():
    found = [BOTH.agreement(best) for _, _, best in BOTH.windows]
    # `b` does not know <sit>, and `a` does not know run.
    unknown = Agreement.UNKNOWN
    assert found == [Agreement.SAME, Agreement.DIFFERENT, unknown, unknown]
    assert BOTH.windows[1][:2] == (5.0, 10.0)


def test_what_two_models_say_in_sentences():
    assert sentences(BOTH) == [
        "a: wave, 70.0%.",
        "b: wave, 60.0%.",
        "Both name the same class.",
        "Step by step, they name the same class in 1 of 4 steps; 2 cannot be compared.",
        "The models know different classes: 2 are known to both, 1 only to a, and 1 only to b. “–” "
        "stands for a class that a model does not know.",
    ]
    assert sentences(ALONE) == ["wave, 70.0%."]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["jump", "wave", "<sit>"], "They name different classes."),
        (["jump", "x", "y"], "They cannot be compared here"),
    ],
)
def test_models_that_name_different_classes(names, words):
    second = answer("b", names, [0.8, 0.1, 0.1], [JUMP] * 4, short=True)
    reply = Reply("clip.mp4", [FIRST, second])
    text = " ".join(sentences(reply))
    assert words in text
    assert ("know different classes" in text) == ("x" in names)
    assert "frames repeat" in text


def test_classes_stand_in_one_table_by_their_highest_probability():
    assert BOTH.class_names == ["wave", "run", "<sit>"]
    table = classes_html(BOTH)
    rows = table.split("<tr>")[2:]
    heads = [row.split("<")[1] for row in rows]
    assert heads == [f'th scope="row">{name}' for name in ("wave", "run", "&lt;sit&gt;")]
    assert "70.0%" in rows[0]
    assert "width:60.0%" in rows[0]
    assert "not known to this model" in rows[1].split("<td>")[1]
    assert "30.0%" in rows[1].split("<td>")[2]
    assert '<th scope="col">b</th>' in table
    assert '<th scope="col">probability</th>' in classes_html(ALONE)


def test_a_timeline_shows_names_as_text_and_says_where_models_differ():
    table = timeline_html(BOTH)
    assert "<span>0:05.0</span> – <span>0:10.0</span>" in table
    assert "&lt;sit&gt; <b>100.0%</b>" in table
    assert "<sit>" not in table
    assert [table.count(f'class="unseen">{kind.value}<') for kind in Agreement] == [1, 1, 2]
    assert 'download="clip.csv"' in table
    assert "same?" not in timeline_html(ALONE)
    assert "Download the classes (CSV)" in timeline_html(Reply("a", [answer("a", ["x"], [1.0])]))
    assert "<b>" not in message_html(Reply("<b>.mp4", [FIRST]))
