import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ila_jax.text.tokenizer import tokenize, vocabulary

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/expected_tokens.json").read_text())


@pytest.mark.parametrize("case", GOLDEN, ids=[repr(case["text"]) for case in GOLDEN])
def test_ids_are_those_of_the_released_tokenizer(case):
    (ids,) = tokenize([case["text"]])
    expected = case["ids"] + [0] * (77 - len(case["ids"]))
    assert ids.tolist() == expected


def test_golden_texts_are_all_there():
    assert len(GOLDEN) == 21


def test_texts_are_rows_padded_with_zeros():
    ids = tokenize(["zumba", "air drumming"], context=5)
    assert ids.dtype == np.int32
    assert ids.tolist() == [[49406, 32976, 49407, 0, 0], [49406, 1922, 35480, 49407, 0]]


def test_no_texts_are_no_rows():
    assert tokenize([]).shape == (0, 77)


def test_a_text_of_just_the_limit_fits():
    (ids,) = tokenize(["7 " * 75])
    assert ids[0] == 49406
    assert ids[-1] == 49407
    assert (ids[1:-1] == ids[1]).all()


def test_a_longer_text_is_an_error_that_names_it_its_length_and_the_limit():
    with pytest.raises(ValueError, match=r"the text '7 7 .*' has 78 tokens .* limit is 77"):
        tokenize(["fits", "7 " * 76])


def test_one_text_in_place_of_a_list_is_an_error():
    with pytest.raises(ValueError, match=r"pass \['zumba'\]"):
        tokenize("zumba")


def test_marks_in_a_text_are_the_marks():
    (ids,) = tokenize(["a<|endoftext|>"], context=4)
    assert ids.tolist() == [49406, 320, 49407, 49407]


def test_escaped_twice_and_broken_encodings_are_mended():
    # ftfy mends entities as well, but not in a text that holds a "<".
    mended, expected = tokenize(["< &amp;lt;", "cafÃ©"]), tokenize(["< <", "café"])
    assert mended.tolist() == expected.tolist()


def test_vocabulary_has_one_id_for_each_token():
    ids, ranks, letters = vocabulary()
    assert len(ids) == len(set(ids.values())) == 49408
    assert len(ranks) == 48894
    assert len(set(letters)) == 256


def test_import_is_cheap():
    code = (
        "import sys, ila_jax.text.tokenizer as t\n"
        "assert t.vocabulary.cache_info().currsize == 0\n"
        "print([m for m in ('jax', 'ftfy', 'regex') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
