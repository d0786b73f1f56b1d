"""Pickles written instruction by instruction: what each of them leaves, and what is refused."""

import io
import pickle

import pytest

from ila_jax.weights.foreign import pickles
from ila_jax.weights.foreign.pickle_names import Refused, Storage

FLOATS = b"ctorch\nFloatStorage\n"


def text(word):
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


def storage(kind=FLOATS, key=b"K\x07", count=b"K\x03", view=b""):
    return b"(" + text("storage") + kind + key + text("cpu") + count + view + b"tQ"


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_is_what_it_was(protocol):
    data = {"a": [1, 2.5, None, True], b"b": ("x", ("y",), (1, 2, 3)), 3: {}, "long": 1 << 70}
    data["again"] = data["a"]
    copy = pickles.read(io.BytesIO(pickle.dumps(data, protocol)))
    assert copy == data
    assert copy["again"] is copy["a"]


def test_instructions_that_python_itself_does_not_write():
    program = b"K\x01p0\n0K\x020(K\x03K\x041]g0\na2K\x05a0."
    # 1 remembered and dropped, 2 dropped, 3 and 4 dropped to the mark; a list that is doubled.
    assert pickles.read(io.BytesIO(program)) == [1, 5]
    assert pickles.read(io.BytesIO(storage() + b".")) == Storage("FloatStorage", "7", 3)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (b"cos\nsystem\n.", "wants to load os.system"),
        (b"(ios\nsystem\n.", "uses the pickle instruction INST"),
        (b"K\x01)R.", "calls something that is no name"),
        (FLOATS + b"]R.", "calls something that is no name"),
        (FLOATS + b")R.", "calls torch.FloatStorage, which is a type of numbers"),
        (b"]}b.", "sets attributes of list"),
        (b"K\x01Q.", "refers to something outside that is no storage"),
        (b"(" + text("module") + b"K\x01K\x01K\x01K\x01tQ.", "no storage of a tensor"),
    ],
)
def test_what_would_do_more_than_data_is_refused(program, words):
    with pytest.raises(Refused, match=words):
        pickles.read(io.BytesIO(program))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (b".", "pop from empty list"),
        (b"(.", "a value is missing"),
        (b"h\x05.", "5"),  # nothing is remembered under that number
        (b"K\x01K\x02\x93.", "a class whose name is no text"),
        (b"}K\x01a.", "items for something that is no list"),
        (b"]K\x01K\x02s.", "items for something that is no dict"),
        (b"}(K\x01K\x02K\x03u.", "items for something that is no dict"),
        (b"}]K\x02s.", "a key that is no text or number but list"),
        (storage(kind=b"K\x01") + b".", "a type that is not PyTorch's"),
        (storage(kind=b"ctorch\nfloat32\n") + b".", "a type that is not PyTorch's"),
        (storage(key=b"]") + b".", "a storage whose key is no text"),
        (storage(count=b"J\xff\xff\xff\xff") + b".", "must be counts"),
        (storage(view=b"K\x01") + b".", "a storage that is part of another"),
        (b"}", "exhausted before seeing STOP"),
    ],
)
def test_what_is_damaged_is_told_as_such(program, words):
    with pytest.raises(ValueError, match=rf"the pickle in it is damaged \(.*{words}"):
        pickles.read(io.BytesIO(program))
