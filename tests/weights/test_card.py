"""What the card of an exported model says, beyond the models that the export's tests write."""

import dataclasses

from ila_jax.data.clips.views import paper_views
from ila_jax.models.model import Variables
from ila_jax.recognizer import Origin, Recognizer
from ila_jax.weights.card import Parity, card
from tests.models import small

CONFIG = small.config("spatial", "text")
PARITY = Parity(worst=2e-6, largest=31.4159, batches=(1, 3), device="cpu")


def made(names, **changes):
    recognizer = Recognizer(CONFIG, Variables({}, {}), names, **changes)
    about = {"classes": names, "checkpoint": "mine", "weights": "beside", "weights_sha256": "0ab",
             "platforms": ["cpu"], "jax": "1.2"}  # fmt: skip
    return card(recognizer, about, PARITY, usage="call it", where="weights.npz")


def test_twenty_classes_are_named_and_the_others_counted():
    twenty = made([f"class {k}" for k in range(20)])
    assert twenty.count("\n- class ") == 20
    assert "more, in about.json" not in twenty
    more = made([f"class {k}" for k in range(23)])
    assert "\n- class 19\n- … and 3 more, in about.json\n" in more
    assert "23, in the order of the logits" in more


def test_class_names_are_shown_as_they_are():
    names = ["*up*", "a_b", "_c_", "<sit>", "1. first", "- none"]
    shown = r"- \*up\*|- a_b|- \_c\_|- \<sit\>|- 1\. first|- \- none"
    assert shown.replace("|", "\n") in made(names)


def test_where_the_weights_are_from():
    assert "| origin | a training run, or a model made by ila_jax |" in made(["one"])
    converted = made(["one"], origin=Origin(kind="clip", fresh=("a", "b")))
    assert "from PyTorch weights of clip; 2 arrays of it started fresh |" in converted


def test_how_it_looks_at_a_video():
    views = paper_views(CONFIG)
    assert "4 clips × 3 crops, the frames of a clip spread over the whole video" in made(["one"])
    recipe = dataclasses.replace(views.recipe, size=32, sampling="dense", stride=5)
    dense = dataclasses.replace(views, recipe=recipe, clips=2, crops=1)
    text = made(["one"], views=dense)
    assert "2 clips × 1 crops, the frames of a clip 5 frames apart" in text
    assert (
        "resized to 37 pixels" in text
    )  # for one crop a larger picture, of which it is the middle


def test_what_was_measured():
    line = "logits differ by 2.0e-06 at most, the largest being 31.4: batches of 1 and 3 random"
    assert line in made(["one"])
