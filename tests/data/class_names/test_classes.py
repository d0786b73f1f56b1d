"""Files of class names in every form that people have, and which class a name means."""

import json
import unicodedata
from pathlib import Path

import pytest

from ila_jax.data.class_names.classes import Classes, chosen_classes, named, read_class_names

CASES = Path(__file__).parents[1] / "cases"
THREE = ("raising a hand", "stirring, then pouring", "juggling")


def names(tmp_path, text, name="names.txt"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_class_names(path)


def refused(tmp_path, text, name="names.txt"):
    with pytest.raises(ValueError, match=r"names.txt|the class names") as caught:
        names(tmp_path, text, name)
    return str(caught.value)


def test_class_names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("moving left\n moving right \nübung\n\n")
    assert read_class_names(path) == ("moving left", "moving right", "übung")
    path.write_text("a\n\nb\na\n")
    with pytest.raises(ValueError, match="blank") as caught:
        read_class_names(path)
    assert "names.txt:4: 'a' is already class 0" in str(caught.value)
    path.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        read_class_names(path)
    with pytest.raises(FileNotFoundError, match="expected class names"):
        read_class_names(tmp_path / "none.txt")


def test_a_label_file_as_it_is_published():
    assert read_class_names(CASES / "labels.csv") == THREE


NUMBERED = {
    "header": 'id,name\n0,raising a hand\n1,"stirring, then pouring"\n2,juggling\n',
    "no header": '0,raising a hand\n1,"stirring, then pouring"\n2,juggling',
    "commas unquoted": "id,name\n0,raising a hand\n1,stirring, then pouring\n2,juggling",
    "from 1": '1,raising a hand\n2,"stirring, then pouring"\n3,juggling',
    "spaces": "0 raising a hand\n1 stirring, then pouring\n2 juggling\n",
    "UCF-101": "1 raising a hand\r\n2 stirring, then pouring\r\n3 juggling\r\n",
    "dots": "1. raising a hand\n2. stirring, then pouring\n3. juggling",
    "colons": "0: raising a hand\n1: stirring, then pouring\n2: juggling",
    "colons, tight": "0:raising a hand\n1:stirring, then pouring\n2:juggling",
    "dots, tight": "001.raising a hand\n002.stirring, then pouring\n003.juggling",
    "parentheses": "(0) raising a hand\n(1) stirring, then pouring\n(2) juggling",
    "dashes": "0 - raising a hand\n1 - stirring, then pouring\n2 - juggling",
    "Charades": "c000 raising a hand\nc001 stirring, then pouring\nc002 juggling",
    "NTU": "A1,raising a hand\nA2,stirring, then pouring\nA3,juggling",
    "a column of semicolons": "raising a hand;\nstirring, then pouring;\njuggling;",
    "single quotes": "'0','raising a hand'\n'1','stirring, then pouring'\n'2','juggling'",
    "wide commas": "0，raising a hand\n1，stirring, then pouring\n2，juggling",
    "pandas, two": ',name\n0,raising a hand\n1,"stirring, then pouring"\n2,juggling',
    "EPIC": 'id,key,n\n0,raising a hand,7\n1,"stirring, then pouring",9\n2,juggling,8',
    "spaced header": "id name\n0 raising a hand\n1 stirring, then pouring\n2 juggling\n",
    "name first": 'name,id\nraising a hand,0\n"stirring, then pouring",1\njuggling,2',
    "name first, no header": 'raising a hand,0\n"stirring, then pouring",1\njuggling,2',
    "tabs": "0\traising a hand\n1\tstirring, then pouring\n2\tjuggling",
    "tabs, name first": "raising a hand\t0\nstirring, then pouring\t1\njuggling\t2",
    "semicolons": "id;name\n0;raising a hand\n1;stirring, then pouring\n2;juggling",
    "out of order": 'id,name\n2,juggling\n0,raising a hand\n1,"stirring, then pouring"',
    "comments": "# my\n0 raising a hand\n# two at once\n1 stirring, then pouring\n2 juggling",
    "comment above names": "# my classes\nraising a hand\nstirring, then pouring\njuggling",
    "header as a comment": '#id,name\n0,raising a hand\n1,"stirring, then pouring"\n2,juggling',
    "blank lines": "0 raising a hand\n\n1 stirring, then pouring\n2 juggling\n\n",
    "quoted names": '"raising a hand"\n"stirring, then pouring"\n"juggling"',
    "a column": '"raising a hand",\n"stirring, then pouring",\n"juggling",',
    "quoted numbers": '"0","raising a hand"\n"1","stirring, then pouring"\n"2","juggling"',
    "old Mac": "0 raising a hand\r1 stirring, then pouring\r2 juggling\r",
    "mark": "\ufeffid,name\n0,raising a hand\n1,stirring, then pouring\n2,juggling",
    "columns": 'id,name,clips\n0,raising a hand,7\n1,"stirring, then pouring",9\n2,juggling,8',
    "pandas": ',label,name\n0,0,raising a hand\n1,1,"stirring, then pouring"\n2,2,juggling',
    "beside": 'label,category,n\n0,raising a hand,3\n1,"stirring, then pouring",5\n2,juggling,4',
    "label is the name": 'id,label\n0,raising a hand\n1,"stirring, then pouring"\n2,juggling',
    "UTF-16": "0,raising a hand\r\n1,stirring, then pouring\r\n2,juggling".encode("utf-16"),
    "JSON": json.dumps(THREE),
    "JSON by name": json.dumps({name: str(k) for k, name in enumerate(THREE)}),
    "JSON by number": json.dumps({str(k): name for k, name in enumerate(THREE)}),
    "JSON out of order": json.dumps({str(k): THREE[k] for k in (2, 0, 1)}),
    "JSON from 1": json.dumps({name: k for k, name in enumerate(THREE, start=1)}),
    "JSON objects": json.dumps([{"id": k, "name": THREE[k]} for k in (1, 0, 2)]),
    "Hugging Face": json.dumps({"model": "x", "id2label": dict(enumerate(THREE))}),
    "Hugging Face, one way": json.dumps({"label2id": {THREE[k]: k for k in (2, 0, 1)}}),
    "JSON, parts": json.dumps([name.split(" ") for name in THREE]),
    "JSON, names in quotes": json.dumps({f'"{name}"': k for k, name in enumerate(THREE)}),
}  # fmt: skip


@pytest.mark.parametrize("text", NUMBERED.values(), ids=NUMBERED)
def test_forms_of_the_same_names(tmp_path, text):
    """By what is in the file, whatever it is called."""
    assert names(tmp_path, text, "labels.csv") == THREE
    assert names(tmp_path, text, "labels") == THREE


@pytest.mark.parametrize(
    "plain",
    [
        ("3 point shot", "dribbling", "2 point shot"),
        ("3 point shot", "2 point shot"),
        ("100 m run", "110 m hurdles", "10,000 m run"),
        ("walk 1", "walk 2"),
        ("push, left", "pull, right"),
        ("C", "C++", "C#"),
        ("+1", "-1", "👍", "👎", "कि", "की"),
        ("R&B", "say: no", "half-pipe; snow", "it's"),
        ("label making", "class", "id check"),
        ('so-called "art"', '"a" or "b"'),
        ("9 dreams", "7up"),
        ("5:30 alarm", "6:30 alarm"),
        ("T1 weighted", "T2 weighted"),
        ("U2 concert", "B2 bomber"),
        ("F1 race", "F3 race"),
        ("- x", "y"),
    ],
)
def test_names_that_only_look_like_something_else(tmp_path, plain):
    assert names(tmp_path, "\n".join(plain)) == plain
    assert names(tmp_path, json.dumps(plain), "n.json") == plain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,a\n2,b\n3,c", ["0 = 'a', 2 = 'b', 3 = 'c'", "names.txt:3: 'c' has number '3'"]),
        ("0,a\n1,b\n1,c", ["names.txt:3: 'c' has number 1, as 'b' has"]),
        ("0 a\n2 b\n3 c", ["'c' has number '3', expected 0 to 2"]),
        ("1 finger\n2 fingers\n3 fingers", ["in two ways: 1 = 'finger', 2 = 'fingers'"]),
        ("scene 1\nzone 2\narea 3", ["two ways: 1 = 'scene', 2 = 'zone', 3 = 'area'", "the end"]),
        ("scene:0\nzone:1", ["two ways: 0 = 'scene', 1 = 'zone'", "the end"]),
        ("archery,boxing", ["names.txt:1: 'archery,boxing' is one name or several"]),
        ("- a\n- b", ["names.txt:1: '- a' is an item of a list or a name?"]),
        ("0,a,x\n1,b,y\n2,c,z", ["two ways: 0 = 'a,x', 1 = 'b,y', 2 = 'c,z'"]),
        ("1,0\n0,1", ["two ways", "which of the two is the number?"]),
        ("name\narchery\nbowling\nboxing\ncurling", ["'name' is a header or a name?",
         "'archery', 'bowling', 'boxing'"]),
        ("class,description\narchery,with a bow", ["'class,description' is a header"]),
        ("my classes\n0,a\n1,b", ["names.txt:1: 'my classes' has no number", "'0,a'"]),
        ("my classes\n0 a\n1 b", ["names.txt:1: 'my classes' has no number"]),
        ("0,a\n1,b\nc\n3,d", ["names.txt:3: 'c' has no number"]),
        ("id,name,x\n0,a\n1,b,c", ["names.txt:2: expected 3 columns"]),
        ("name,label,x\na,b,c\nd,e,f", ["expected one of numbers from 0 and one of names"]),
        ("#dance\nwalk", ["names.txt:1: '#dance' is a comment or a name?"]),
        ("a.mp4 0\nb.mp4 1", ["lists videos, such as 'b.mp4 1'"]),
        ("label,youtube_id,time_start\na,AAAAAAAAAAA,1", ["lists videos"]),
        ('id,name,x\n0,"a,1\n1,b,2', ["a quote is not closed"]),
        ("0,a\n1,a", ["names.txt:2: 'a' is already class 0"]),
        ("-1,background\n0,a", ["names.txt:1: '-1,background' begins with a number"]),
        ("0,a\n" + "9" * 5000 + ",b", ["names.txt:2: '9999", "a number that is no class"]),
        ("0.0,a\n1.0,b", ["'0.0,a' begins with a number that is no class"]),
        ('a\n"b\nc', ["names.txt:2: '\"b' opens a quote and closes none"]),
        ("version https://git-lfs.github.com/spec/v1\noid x", ["git lfs pull"]),
        ("<!DOCTYPE html><title>404</title>", ["a page of a web site"]),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(tmp_path, text, said):
    found = refused(tmp_path, text)
    for words in said:
        assert words in found, found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a\ncaf\xe9", "names.txt:2 is not UTF-8 text (byte 5 of the file, 0xe9)"),
        (b"walk\nru\0n", "names.txt:2 holds a zero byte: expected class names"),
        ("walk\nrun\n".encode("utf-16-le") * 9, "looks like UTF-16 without its mark"),
        (b"PK\x03\x04\xff\xfe\xfd", "found a ZIP archive or an Excel workbook"),
        (b"\x1f\x8b\x08\0\xff", "packed with gzip"),
        (b"\0\0\0\x20ftypisom\0\0", "a binary file"),
        (b"\xff\xfea", "is not UTF-16-LE text"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "is no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_text(tmp_path, data, said):
    assert said in refused(tmp_path, data)


def test_a_folder_of_names(tmp_path):
    with pytest.raises(ValueError, match="is a folder: expected class names"):
        read_class_names(tmp_path)


def test_json_names(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"Holding something": "1", "Bending something": "0"}))
    assert read_class_names(path) == ("Bending something", "Holding something")
    path.write_text(json.dumps({"b": 1, "a": 0}))
    assert read_class_names(path) == ("a", "b")
    path.write_text(json.dumps(["b", "a"]))
    assert read_class_names(path) == ("b", "a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("3", "names no classes: expected a list of names"),
        ("[1, 2]", "names no classes"),
        ("[]", "is empty"),
        ('["a", "a"]', "'a' is already class 0"),
        ('{"a": "0", "b": "3", "c": "0"}',
         "'b' has number '3', expected 0 to 2\n  'c' has number 0, as 'a' has"),
        ('{"a": 0, "a": 1}', "'a' is already class 0"),
        ('{"0": "a", "0": "b"}', "'b' has number 0, as 'a' has"),
        ('{"a": "x", "b": "y"}', "found {'a': 'x', 'b': 'y'}"),
        ('{"1": "0", "0": "1"}', "found {'1': '0', '0': '1'}"),
        ('{"a": true, "b": false}', "names no classes"),
        ("{}", "names no classes"),
        ("a\nb", "is no JSON"),
    ],
)  # fmt: skip
def test_json_that_names_no_classes(tmp_path, text, said):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"cannot be used|no JSON|no classes|is empty") as caught:
        read_class_names(path)
    assert said in str(caught.value)


def test_classes_by_hand_and_by_file_are_read_alike(tmp_path):
    (tmp_path / "labels.csv").write_text(NUMBERED["header"])
    assert chosen_classes(str(tmp_path / "labels.csv")) == THREE
    assert chosen_classes("walk,run\nsit") == ("walk", "run", "sit")
    assert chosen_classes("walk, run ,sit") == ("walk", "run", "sit")
    assert chosen_classes('walk,"stirring, then pouring", "run"') == (
        "walk", "stirring, then pouring", "run",
    )  # fmt: skip
    for given, said in {
        "dog": "a single class is no choice", "": "a single class", "a,,b": "name 2: blank",
        "a,a": "already class 0", 'a,"b': "a quote is not closed", ",": "is empty",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=said):
            chosen_classes(given)


@pytest.mark.parametrize("text", ["dog\n", "id,name\n0,dog\n", '["dog"]'])
def test_a_file_of_a_single_class_is_no_choice(text, tmp_path):
    (tmp_path / "one").write_text(text)
    with pytest.raises(ValueError, match="holds the single class 'dog', which is no choice"):
        chosen_classes(str(tmp_path / "one"))


def test_one_name_alone_is_no_list_of_names():
    for given in ("dog", b"dog", [1, 2], ["a", None], {"b", "a"}, {"a": 1}):
        with pytest.raises(ValueError, match="expected a list of names, such as"):
            named(given)
    assert named(["dog"]) == ("dog",)
    assert named(name for name in ("a", "b")) == ("a", "b")


def test_which_class_a_spelling_means():
    classes = Classes(["tying knot (not on a tie)", "run", "Run!", "Trick-or-treat"])
    assert classes.label("tying_knot_not_on_a_tie") == 0
    assert classes.label("run") == 1  # spelled just so
    assert classes.label("Run!") == 2
    assert classes.label("RUN") is None  # which of the two?
    assert classes.label("trick or treat") == 3
    assert classes.label("walk") is None


def test_names_that_are_spelled_otherwise_are_other_classes():
    some = ["C", "C++", "C#", "+1", "-1", "👍", "👎", "कि", "की", "ab", "a b", "!", "?"]
    classes = Classes(some)
    assert [classes.label(name) for name in some] == list(range(len(some)))
    assert classes.label("a_b") == 10  # an underscore is a space before it is nothing
    assert classes.label("c") is None  # C or C#?
    assert classes.label("c++") == 1
    assert classes.label("A-B") is None
    assert classes.label("…") is None
    assert Classes(["walk"]).label("") is None


def test_composed_and_decomposed_letters_are_the_same(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "café für") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert Classes([composed]).label(decomposed) == 0
    assert Classes([decomposed]).label(composed) == 0
    assert names(tmp_path, f"{decomposed}\nwalk") == (composed, "walk")
    path = tmp_path / "both.txt"
    path.write_text(f"{decomposed}\n{composed}\n")
    with pytest.raises(ValueError, match="already class 0"):
        read_class_names(path)
