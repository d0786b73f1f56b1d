"""A temperature that is fitted on an evaluation, kept beside the weights, and used from then on."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from ila_jax.evaluate.__main__ import main
from ila_jax.evaluate.calibrate import calibrate
from ila_jax.evaluate.subject import open_subject
from ila_jax.recognizer import Recognizer
from ila_jax.scoring.temperature import fit
from ila_jax.temperature import with_temperature
from ila_jax.weights.calibration import calibration_file
from ila_jax.weights.digest import digest
from ila_jax.weights.folder import load
from tests.evaluate import made_up
from tests.train import runs


@pytest.fixture
def calibrated(tmp_path, pairs, weights):
    """A copy of a folder of weights, and an evaluation of it by made-up scores."""
    folder = tmp_path / "weights"
    shutil.copytree(weights({}), folder)
    variables = load(folder).variables
    of = made_up.subject(pairs)
    recognizer = Recognizer(of.config.model, variables, made_up.CLASS_NAMES)
    subject = replace(of, checkpoint=str(folder), step=None, recognizer=recognizer)
    made_up.evaluation(tmp_path / "evaluation", subject, knowing=0.06)
    return folder, tmp_path / "evaluation"


def test_it_is_fitted_on_the_views_and_used_by_whoever_loads_the_weights(calibrated, pairs, capsys):
    folder, evaluation = calibrated
    said = {name: (evaluation / name).read_bytes() for name in ("result.json", "report.html")}
    before = load(folder)
    assert before.temperature is None
    assert main(["--calibrate", str(evaluation)]) == 0
    out = capsys.readouterr().out
    rows = pq.read_table(evaluation / "predictions.parquet").to_pylist()
    readable = [row for row in rows if row["readable"]]
    by_hand = fit(
        np.array([row["view_probabilities"] for row in readable]),
        np.array([row["label"] for row in readable]),
    )
    stored = json.loads(calibration_file(folder, None).read_text())
    assert stored["temperature"] == pytest.approx(by_hand.temperature, rel=1e-4)
    assert (stored["videos"], stored["weights"]) == (15, digest(before.variables))
    assert f"{stored['error_before']:.2%} before, {stored['error_after']:.2%} after" in out
    after = load(folder)
    assert after.temperature == stored["temperature"]
    views = np.random.default_rng(0).integers(0, 256, (3, 4, 16, 16, 3), np.uint8)
    views = np.tile(views, (4, 1, 1, 1, 1))
    np.testing.assert_allclose(
        after.probabilities(views), with_temperature(before.probabilities(views), after.temperature)
    )
    assert not np.allclose(after.probabilities(views), before.probabilities(views), atol=1e-3)
    # What was evaluated stays, and another evaluation is of what the model itself says.
    assert said == {name: (evaluation / name).read_bytes() for name in said}
    config = runs.config(pairs | {"model.classes": 8})
    assert open_subject(config, str(folder)).recognizer.temperature is None


def test_it_is_for_these_weights_and_these_classes_alone(calibrated):
    folder, evaluation = calibrated
    calibrate(evaluation)
    model = load(folder)
    assert model.with_views(clips=1, crops=1).temperature == model.temperature
    assert model.for_inference().temperature == model.temperature
    assert model.with_classes(model.class_names).temperature == model.temperature
    path = calibration_file(folder, None)
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"weights": "0" * 64}))
    with pytest.raises(ValueError, match="fitted for other weights"):
        load(folder)
    path.write_text(json.dumps(stored | {"temperature": -1.0}))
    with pytest.raises(ValueError, match="above 0, found -1"):
        load(folder)


def test_a_checkpoint_that_is_not_there_and_wrong_arguments_end_in_words(
    calibrated, capsys, monkeypatch, tmp_path
):
    folder, evaluation = calibrated
    assert main(["--calibrate", str(tmp_path)]) == 1
    assert "holds no finished evaluation" in capsys.readouterr().err
    folder.rename(tmp_path / "moved")
    assert main(["--calibrate", str(evaluation)]) == 1
    assert "no folder here" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--calibrate", str(evaluation), "--output", "x"])
    assert "takes nothing else" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--calibrate", "a", "--compare", "a", "b"])
