"""The file of random numbers is one that `convert` takes for CLIP, with its text tower."""

import numpy as np

from ila_jax.weights.conversion import Target, convert_file
from tools import make_random_clip


def written(path, *more):
    return make_random_clip.main(["--output", str(path), *more])


def test_a_tiny_clip_is_read_as_clip(tmp_path):
    file = tmp_path / "weights" / "ViT-tiny.safetensors"
    assert written(file) == 0
    conversion = convert_file(file, Target())
    assert conversion.model_name == "CLIP"
    assert conversion.recognizer.config.size == "tiny"
    assert conversion.recognizer.config.head == "text"
    words = conversion.foreign.state["token_embedding.weight"]
    assert words.shape == (49408, 64)
    assert np.std(words) > 0


def test_what_cannot_be_written_is_refused(tmp_path, capsys):
    assert written(tmp_path / "clip.bin") == 1
    assert "ends in .safetensors, .pt or .pth" in capsys.readouterr().err
    (tmp_path / "clip.pt").write_bytes(b"mine")
    assert written(tmp_path / "clip.pt") == 1
    assert "clip.pt exists" in capsys.readouterr().err
    assert (tmp_path / "clip.pt").read_bytes() == b"mine"
