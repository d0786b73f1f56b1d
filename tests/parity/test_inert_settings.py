"""Keys of transformers' configurations that change nothing."""

import numpy as np
import pytest

pytest.importorskip("torch")
from transformers import CLIPModel, XCLIPModel

from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.settings.tables import Inert
from ila_jax.weights.foreign.settings.transformers_settings import tables
from tests.parity.test_settings import FRAMES, clip, edit, logits_of_xclip, same_features, xclip

pytestmark = pytest.mark.usefixtures("quick_start")


INERT = {
    "text__attention_dropout": 0.3, "text__initializer_range": 3.0, "text__projection_dim": 7,
    "vision__projection_dim": 7, "vision__initializer_factor": 2.0, "logit_scale_init_value": 9.0,
    "text__bos_token_id": 3, "text__pad_token_id": 3, "text__eos_token_id": 2,
    "torch_dtype": "float32",
    "vision__id2label": {"0": "a"}, "text__use_cache": False,
}  # fmt: skip


def test_keys_that_the_tables_call_inert_are_read_by_nobody(tmp_path):
    clip(tmp_path)
    before = read(tmp_path).configuration
    whatever = {
        f"{section.replace('_config', '__')}{key}": "whatever"
        for section, table in tables("clip").items()
        for key, meaning in table.items()
        if isinstance(meaning, Inert)
    }
    assert len(whatever) > 100
    edit(tmp_path, **whatever)
    assert read(tmp_path).configuration == before


def test_keys_that_change_nothing(tmp_path):
    theirs = clip(tmp_path)
    before = convert_file(tmp_path, Target(frames=FRAMES)).recognizer.config
    edit(tmp_path, **INERT)
    assert convert_file(tmp_path, Target(frames=FRAMES)).recognizer.config == before
    same_features(CLIPModel.from_pretrained(tmp_path).float().eval(), theirs)


def test_keys_of_xclip_that_change_nothing(tmp_path):
    theirs = xclip(tmp_path)
    before = convert_file(tmp_path, Target()).recognizer.config
    edit(
        tmp_path, prompt_alpha=0.7, prompt_attention_dropout=0.5, prompt_projection_dropout=0.5,
        vision__drop_path_rate=0.5, vision__attention_dropout=0.5, text__eos_token_id=7,
    )  # fmt: skip
    assert convert_file(tmp_path, Target()).recognizer.config == before
    again = XCLIPModel.from_pretrained(tmp_path).eval()
    np.testing.assert_allclose(logits_of_xclip(again), logits_of_xclip(theirs), rtol=0, atol=1e-5)
