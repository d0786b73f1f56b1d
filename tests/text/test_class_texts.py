"""What stands for a class before a text tower of any context, and which classes it leaves alike."""

import dataclasses
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax import cli
from ila_jax.class_features import class_features, text_features
from ila_jax.recognizer import Recognizer
from ila_jax.text.class_texts import alike, class_tokens
from ila_jax.text.templates import KINETICS, NAME
from ila_jax.text.tokenizer import tokenize
from tests.models import small

VIEWS = np.zeros((3, 3, 16, 16, 3), np.uint8)
LONG = dataclasses.replace(small.SHAPE, context=248)  # as Long-CLIP's


def model(shape=small.SHAPE):
    config = small.config("spatial", "text", shape=shape)
    return Recognizer(config, small.filled(config))


def tokens_of(names, shape=small.SHAPE):
    """Of the names alone, [k, l]."""
    return class_tokens(names, NAME, shape)[:, 0]


def test_names_are_cut_behind_the_longest_which_changes_no_feature():
    names = ["waving", "opening a bottle of wine"]
    tokens = tokens_of(names)
    assert tokens.tolist() == tokenize(names)[:, :7].tolist()
    assert tokens[1, -1] == 49407  # the end of the longest is still there
    made = model()
    whole = text_features(made.config, made.variables, tokenize(names))
    features = class_features(made.config, made.variables, names)
    np.testing.assert_allclose(features, whole, atol=1e-5)


def test_a_text_that_ends_in_a_token_with_the_number_0_is_whole():
    (ids,) = tokens_of(["a !a!!!!a"])
    assert (ids[0], ids[-1]) == (49406, 49407)
    assert ids.tolist() == tokenize(["a !a!!!!a"])[0, : len(ids)].tolist()


def test_names_may_be_as_long_as_the_models_own_context():
    name = "7 " * 150
    made = model(LONG).with_classes([name, "waving"])
    want = made.text_features(jnp.asarray(tokenize(made.class_names, 248)))
    np.testing.assert_allclose(made.class_features, want, atol=1e-5)
    with pytest.raises(ValueError, match=r"has 152 tokens .* the limit is 77"):
        _ = model().with_classes([name, "waving"]).class_features


def test_all_names_that_are_too_long_are_counted():
    with pytest.raises(ValueError, match="limit is 77, and 2 others are too long as well"):
        tokens_of(["fits", "7 " * 76, "8 " * 76, "9 " * 76])


def test_tokens_that_a_text_tower_does_not_know_are_refused():
    tiny = dataclasses.replace(small.SHAPE, vocabulary=512)
    with pytest.raises(ValueError, match="49407 is outside the model's vocabulary of 512"):
        tokens_of(["waving"], tiny)


def test_a_name_is_put_into_every_template_and_no_other_brace_is_a_place():
    names, templates = ["{waving}", "jumping {0}"], ["{}", "a video of {}, {}."]
    tokens = class_tokens(names, templates, small.SHAPE)
    texts = ["{waving}", "a video of {waving}, {waving}.",
             "jumping {0}", "a video of jumping {0}, jumping {0}."]  # fmt: skip
    assert tokens.shape[:2] == (2, 2)
    want = tokenize(texts)[:, : tokens.shape[2]]
    assert tokens.reshape(4, -1).tolist() == want.tolist()


def test_clips_own_templates():
    assert len(KINETICS) == len(set(KINETICS)) == 28
    assert KINETICS[:3] == (
        "a photo of {}.", "a photo of a person {}.", "a photo of a person using {}."
    )  # fmt: skip
    assert KINETICS[27] == "a demonstration of a person practicing {}."


@pytest.mark.parametrize(
    ("one", "other"),
    [("R&B", "R&amp;B"), ("Dog", "dog"), ("a  dog", "a dog"), ("don’t", "don't"), ("A\tB", "a b")],
)
def test_names_that_are_the_same_tokens_are_told(one, other):
    names = [one, "waving", other]
    message = alike(names, tokenize(names))
    assert message.startswith(f"classes that are the same text to the model: {one!r} = {other!r}. ")
    with pytest.warns(UserWarning, match="share one probability evenly"):
        _ = model().with_classes(names).class_features


def test_names_that_differ_in_a_sign_are_not_alike():
    names = ["C", "C++", "C#", "+1", "-1", "👍", "👎"]
    assert alike(names, tokenize(names)) is None


def test_a_class_is_the_unit_mean_of_its_texts_unit_features_however_many_there_are(monkeypatch):
    made = model()
    config = dataclasses.replace(made.config, templates=("{}", "a video of {}.", "a photo of {}."))
    names = ["waving", "opening a bottle of wine", "jumping"]
    texts = [template.replace("{}", name) for name in names for template in config.templates]
    of_texts = np.asarray(text_features(made.config, made.variables, tokenize(texts)))
    of_texts = (of_texts / np.linalg.norm(of_texts, axis=-1, keepdims=True)).reshape(3, 3, -1)
    mean = of_texts.mean(axis=1)
    want = mean / np.linalg.norm(mean, axis=-1, keepdims=True)
    for at_once in (256, 5):  # of 9 texts two parts of 5, the last text twice
        monkeypatch.setattr("ila_jax.class_features._TEXTS", at_once)
        features = class_features(config, made.variables, names)
        np.testing.assert_allclose(features, want, atol=1e-5)


def test_a_command_warns_in_plain_words(capsys):
    def main():
        shares = model().with_classes(["Dog", "dog"]).probabilities(VIEWS)
        assert shares[0, 0] == shares[0, 1]

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert cli.run(main) == 0
    message = capsys.readouterr().err
    assert message.startswith(
        "warning: classes that are the same text to the model: 'Dog' = 'dog'."
    )
    assert ".py" not in message
