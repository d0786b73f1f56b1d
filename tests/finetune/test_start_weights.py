"""Starts in the formats that people have: X-CLIP's releases, its folder of Hugging Face, a run."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from ila_jax.config import to_dict
from ila_jax.finetune.configuration import make_configuration
from ila_jax.finetune.options import Folder, Options
from ila_jax.finetune.origin import prepare_origin
from ila_jax.models import model
from ila_jax.models.paths import by_path
from ila_jax.train.checkpoint import Checkpoints
from ila_jax.weights.folder import load
from ila_jax.weights.positions import over_grid, over_time
from tests.finetune.test_origin import NAMES, leaves, origin_of
from tests.train import runs
from tests.weights.test_adapt import flat, source, state_of


def test_xclips_release_goes_on_with_other_classes_frames_and_resolution(tmp_path, quick_start):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(np.array(x)) for name, x in state_of("xclip_tiny").items()}
    # As released: the model beside what its training left.
    torch.save({"model": state, "epoch": 29, "max_accuracy": 80.4}, tmp_path / "k400_32_4.pth")
    origin = origin_of(tmp_path / "k400_32_4.pth", tmp_path, frames=6, resolution=128)
    made = origin.model
    assert (made.temporal, made.head, made.classes, made.frames) == ("xclip", "text", None, 6)
    assert made.geometry().resolution == 128
    values = [decision.value for decision in origin.decisions]
    assert "mit/positions interpolated from 4 to 6 frames" in values
    assert "visual/embed/positions interpolated from 7×7 to 8×8" in values
    assert load(tmp_path / "weights").class_names == NAMES
    # The recipe for weights that know videos: CLIP's tower slowly, all else ten times as fast.
    assert (origin.whose, origin.recipe.optimizer.rate) == ("finetune/full", 1e-6)
    before, after = flat(source("xclip_tiny")), leaves(tmp_path)
    interpolated = {
        "mit/positions": over_time(before["mit/positions"], 6),
        "visual/embed/positions": over_grid(before["visual/embed/positions"], 8),
    }
    assert before.keys() >= after.keys()
    for path, value in after.items():
        np.testing.assert_array_equal(value, interpolated.get(path, before[path]), err_msg=path)


def test_xclips_folder_of_hugging_face_is_taken_as_it_is(tmp_path, quick_start):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.parity import torch_models

    theirs = torch_models.xclip(torch_models.TINY, 4)
    theirs.save_pretrained(tmp_path / "xclip")
    origin = origin_of(tmp_path / "xclip", tmp_path)
    assert (origin.model.temporal, origin.model.frames, origin.model.head) == ("xclip", 4, "text")
    assert not [decision for decision in origin.decisions if "interpolated" in decision.value]
    kernel = theirs.state_dict()["visual_projection.weight"].numpy().T
    np.testing.assert_array_equal(leaves(tmp_path)["visual/projection/kernel"], kernel)


class Videos:
    """160 clips of each of three classes."""

    labels, targets = np.repeat([0, 1, 2], 160), None

    def __len__(self):
        return len(self.labels)


SPLITS = SimpleNamespace(
    class_names=("a", "b", "c"), train=SimpleNamespace(source=Videos()), several_labels=False
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of eight classes, with 4 frames of 16 pixels, and a rate for 8 clips a step."""
    folder = tmp_path_factory.mktemp("run") / "mine"
    config = runs.config({"model.temporal": "spatial", "optimizer.rate": 3e-4})
    params, batch_stats = model.initialize(config.model, 0)
    checkpoints = Checkpoints(folder / "checkpoints", keep_best=1, resumed_at=0)
    state = {"step": np.int32(7), "params": params, "batch_stats": batch_stats}
    checkpoints.save(state, config, [f"class {k}" for k in range(8)])
    checkpoints.close()
    (folder / "config.json").write_text(json.dumps(to_dict(config)))
    return folder


@pytest.mark.parametrize("which", ["", "@latest"])
def test_a_run_goes_on_with_its_rates_and_other_classes(run, tmp_path, which):
    weights = f"{run}{which}"
    options = Options(videos="clips", workdir=tmp_path, weights=weights, frames=6, resolution=24)
    folder = Folder(tmp_path)
    origin = prepare_origin(options, folder, SPLITS.class_names, several_labels=False)
    assert (origin.model.frames, origin.model.classes) == (6, 3)
    before, after = by_path(load(weights).variables.params), leaves(tmp_path)
    changed = {path for path in after if not np.array_equal(before[path], after[path])}
    assert changed == {
        "mit/positions", "visual/embed/positions", "head/fc/kernel", "head/fc/bias",
    }  # fmt: skip
    config, decisions = make_configuration(options, folder, origin, SPLITS)
    # 480 clips: a twentieth in pairs on eight devices is 16, twice the run's batch.
    assert (config.train.batch, config.optimizer.rate) == (16, pytest.approx(6e-4))
    assert config.optimizer.minimal_rate == pytest.approx(2 * 1e-5)
    (rate,) = (decision for decision in decisions if decision.what == "learning rate")
    assert rate.value == "6.00e-04"
    assert rate.reason == f"3.0e-04 of the run in {run}, in proportion to the batch, 16 for 8"
    notes = [decision.value for decision in decisions if decision.what == "weights"]
    assert "mit/positions interpolated from 4 to 6 frames" in notes
    assert "the linear head starts fresh, as reset_head asks" in notes
