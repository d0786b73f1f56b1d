"""Labels of mirrored videos."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.sources.mirror import NEVER, described, mirror_table, mirrors
from ila_jax.data.synthetic.motion import CLASSES

# Something-Something v2's 174 class names, in the order of its labels.json; as listed by mmaction2
# (tools/data/sthv2/label_map.txt, Apache-2.0).
SOMETHING = Path(__file__).parents[1] / "names" / "something_v2.txt"


def test_something_v2_swaps_the_published_pairs_and_no_others():
    """Of mmaction2's recipe: Flip's label map for Something-Something v2."""
    names = read_class_names(SOMETHING)
    assert len(names) == 174
    expected = np.arange(174)
    for one, other in ((86, 87), (93, 94), (166, 167)):
        expected[[one, other]] = [other, one]
    np.testing.assert_array_equal(mirror_table(names), expected)


def test_motion_pairs():
    np.testing.assert_array_equal(mirror_table(CLASSES), [1, 0, 2, 3, 4, 5, 7, 6])


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (["Pushing something from left to right", "archery",
          "Pushing something from right to left"], [2, 1, 0]),
        (["Turning the camera LEFT while filming", "turning the camera right while filming"],
         [1, 0]),
        (["pulling to the left", "pushing to the right"], [-1, -1]),  # no mirror: never flipped
        (["copyright dispute", "leftover food", "rightly so"], [0, 1, 2]),  # no whole words
        (["clockwise", "anticlockwise"], [1, 0]),
        (["spin counterclockwise", "spin clockwise"], [1, 0]),
        (["spin anti clockwise", "Spin  Clockwise"], [1, 0]),
        (["left hand clockwise", "right hand counter-clockwise", "right hand clockwise"],
         [1, 0, -1]),  # all of the sides swap at once
        (["left-handed throw", "right-handed throw"], [1, 0]),
        (["turn left", "turn right", "Turn right"], [-1, 0, 0]),  # which one? neither
        (["pull it right out"], [0]),  # no side
        (["pull it right out", "pull it left out"], [1, 0]),  # a side
        (["pull it right out with the left hand"], [-1]),
    ],
)  # fmt: skip
def test_sides_swap_as_whole_words(names, table):
    result = mirror_table(names)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, table)


def test_no_names_no_table():
    assert mirror_table([]).shape == (0,)


def test_underscores_part_words():
    assert mirror_table(["swipe_left", "swipe_right", "left_over"]).tolist() == [1, 0, NEVER]


NAMES = ["look left", "look right", "wink", "point left", "write"]


def overridden(tmp_path, entries):
    path = tmp_path / "mirror.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return mirrors(NAMES, str(path))


def test_a_file_says_otherwise(tmp_path):
    assert mirrors(NAMES, None).tolist() == [1, 0, 2, NEVER, 4]
    assert overridden(tmp_path, {}).tolist() == [1, 0, 2, NEVER, 4]
    assert overridden(tmp_path, {"write": None}).tolist() == [1, 0, 2, NEVER, NEVER]
    assert overridden(tmp_path, {"point left": "point left"}).tolist() == [1, 0, 2, 3, 4]
    assert overridden(tmp_path, {"write": "wink"}).tolist() == [1, 0, 4, NEVER, 2]
    both = {"look left": None, "look right": None}
    assert overridden(tmp_path, both).tolist() == [NEVER, NEVER, 2, NEVER, 4]


def test_a_file_that_says_what_cannot_be(tmp_path):
    def said(entries):
        with pytest.raises(ValueError, match=r"mirror\.json") as caught:
            overridden(tmp_path, entries)
        return str(caught.value)

    assert "is no JSON" in said("{")
    assert "is no object" in said([])
    found = said({"Wink": None, "wink": "wrong", "write": 3})
    assert "'Wink' is no class, did you mean 'wink'?" in found
    assert "'wink': 'wrong' is no class, nor null" in found
    assert "'write': 3 is no class, nor null" in found
    assert "'look right' becomes 'look left', which never flips" in said({"look left": None})
    assert "'look right' becomes 'look left', which becomes 'wink'" in said({"wink": "look left"})
    with pytest.raises(FileNotFoundError, match="expected JSON such as"):
        mirrors(NAMES, str(tmp_path / "none.json"))


def test_what_flips_do_is_told():
    assert described(mirror_table(NAMES), NAMES) == [
        "flips: 1 pair of classes swaps, 1 class is never flipped, 2 keep their label",
        "  swap: look left <-> look right",
        "  never: point left",
    ]
    many = [f"{i} left" for i in range(7)]
    assert described(mirror_table(many), many)[1] == (
        "  never: 0 left; 1 left; 2 left; 3 left; 4 left; and 2 more"
    )
    assert len(described(mirror_table(["a"]), ["a"])) == 1


def test_a_file_that_is_damaged_or_says_two_things(tmp_path):
    path = tmp_path / "mirror.json"
    names = ["push left", "push right", unicodedata.normalize("NFC", "café")]
    for text, said in {
        '{"push left": null, "push left": "push right"}': "names 'push left' more than once",
        "[" * 100_000: "is nested too deeply",
        '{"push left"': "is no JSON",
        "[1]": "is no object",
        "\0": "holds a zero byte",
    }.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=said):
            mirrors(names, str(path))
    path.write_text(json.dumps({unicodedata.normalize("NFD", "café"): None}))
    assert mirrors(names, str(path)).tolist() == [1, 0, NEVER]
