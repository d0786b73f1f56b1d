"""What `convert` does not take: other models, parts of one, quantised weights."""

import numpy as np
import pytest

from tests.weights.test_adapt import clip_state
from tests.weights.test_convert import run

pytestmark = pytest.mark.usefixtures("quick_start")


OTHERS = {
    "ResNet": {"visual.conv1.weight": (3, 3), "visual.layer1.0.conv1.weight": (2, 2)},
    "BERT": {"bert.embeddings.word_embeddings.weight": (4, 4)},
    "module": {"module.visual.proj": (2, 2), "other": (1, 1)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_model_is_told(name, file, capsys):
    path = file({n: np.zeros(s, np.float32) for n, s in OTHERS[name].items()})
    code, _, err = run("--input", path, "--inspect", capsys=capsys)
    assert code == 1
    assert name in err
    assert "no ILA, X-CLIP or CLIP" in err


PARTS_OF_CLIP = {
    "text tower": lambda name: not name.startswith("visual."),
    "image tower": lambda name: name.startswith("visual."),
}


@pytest.mark.parametrize("prefix", ["", "visual."])
@pytest.mark.parametrize("part", PARTS_OF_CLIP)
def test_a_tower_alone_is_told(part, prefix, file, capsys):
    """As they are, and saved from the tower's own module."""
    state = {n.removeprefix(prefix): v for n, v in clip_state().items() if PARTS_OF_CLIP[part](n)}
    code, _, err = run("--input", file(state), "--inspect", capsys=capsys)
    assert code == 1
    assert f"It is the {part} of a CLIP alone" in err


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.bool_])
def test_quantised_weights_are_refused(dtype, file, tmp_path, capsys):
    """Their scales are unknown: as they are, every answer would be wrong."""
    state = {n: v.astype(dtype) if v.ndim == 2 else v for n, v in clip_state().items()}
    code, _, err = run("--input", file(state), "--output", tmp_path / "made", capsys=capsys)
    assert code == 1
    assert f"is {np.dtype(dtype)}" in err
    assert "quantised" in err
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("frames", [0, -3])
def test_no_frames_are_refused(frames, file, tmp_path, capsys):
    args = ("--input", file(clip_state()), "--output", tmp_path / "made", "--frames", frames)
    code, _, err = run(*args, capsys=capsys)
    assert code == 1
    assert f"frames is {frames}: expected a positive number" in err
    assert not (tmp_path / "made").exists()
