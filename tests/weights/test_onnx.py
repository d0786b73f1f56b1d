"""A model as ONNX says in onnxruntime what it says here; with the extra: `tools/test_onnx`."""

import itertools
import json

import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.export import main
from ila_jax.pixels import normalise
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.models import small

pytest.importorskip("jax2onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
NAMES = ["one", "two", "three", "four", "five"]


def check(folder, recognizer):
    """Batches of 1 and 7, as the model says, to 1e-4 of the largest logit."""
    shape = (7, small.FRAMES, small.SHAPE.resolution, small.SHAPE.resolution, 3)
    video = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    by = recognizer.config.pixels
    want = np.asarray(recognizer.logits(normalise(jnp.asarray(video), by=by)))
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    tolerance = 1e-4 * max(1.0, np.abs(want).max())
    for batch in (1, 7):
        (logits,) = session.run(None, {"video": video[:batch]})
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, want[:batch], atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("temporal", "head"),
    [
        *itertools.product(
            ["ila", "xclip", "spatial", "ila_token", "joint", "divided"], ["text", "linear"]
        ),
        ("clip", "text"),
    ],
)
def test_a_model_says_the_same_in_onnxruntime(temporal, head, tmp_path, capsys):
    config = small.config(temporal, head)
    recognizer = Recognizer(config, small.filled(config), NAMES)
    save(recognizer, tmp_path / "weights")
    weights = "beside" if head == "text" else "inside"
    wanted = ["--format", "onnx", "--weights", weights]
    assert main([str(tmp_path / "weights"), "--output", str(tmp_path / "out"), *wanted]) == 0
    assert "compared: logits differ by" in capsys.readouterr().out
    files = ["README.md", "about.json", "model.onnx"] + ["model.onnx.data"] * (head == "text")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert (about["classes"], about["platforms"]) == (NAMES, ["onnxruntime"])
    card = (tmp_path / "out" / "README.md").read_text()
    assert '{"video": video}' in card
    assert "| runs on | onnxruntime; tried on the device below only |" in card
    check(tmp_path / "out", recognizer)
