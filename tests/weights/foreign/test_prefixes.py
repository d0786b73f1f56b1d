"""Names as trainings wrap them, and entries as they call them: one rule, whatever the format."""

import argparse
import pathlib

import numpy as np
import pytest

from ila_jax.weights.conversion import Target, convert_file, summary
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.names import huggingface
from ila_jax.weights.foreign.names.prefixes import select
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from ila_jax.weights.state_dict import from_torch
from tests.weights.test_adapt import clip_state, state_of

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("quick_start")

CLIP = clip_state()
TORCH = {name: torch.from_numpy(value.copy()) for name, value in CLIP.items()}
PREFIXES = [
    "module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module.", "model.module.",
    "clip.", "backbone.", "net.clip_model.", "my_own_name.",
]  # fmt: skip


def wrapped(prefix, state=CLIP):
    return {f"{prefix}{name}": value for name, value in state.items()}


def write(form, path, state):
    if form == "safetensors":
        write_safetensors(path, state)
    else:
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        torch.save(tensors, path, _use_new_zipfile_serialization=form == "zip")
    return path


def equal(state, wanted=CLIP):
    assert state.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(state[name], value, err_msg=name)


@pytest.mark.parametrize("form", ["zip", "before 1.6", "safetensors"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_any_prefix_is_taken_off_in_every_format_and_said(prefix, form, tmp_path):
    foreign = read(write(form, tmp_path / "file", wrapped(prefix)))
    equal(foreign.state)
    for part in prefix.split(".")[:-1]:
        assert f"{part}." in foreign.form.partition("names without ")[2]
    assert not foreign.skipped


@pytest.mark.parametrize("prefix", ["", "module.", "model.clip."])
@pytest.mark.parametrize("case", ["clip", "xclip_tiny"])
def test_hugging_faces_names_and_those_of_every_model_keep_what_they_need(prefix, case, tmp_path):
    state = CLIP if case == "clip" else state_of(case)
    theirs = huggingface.from_official(state, xclip=case != "clip")
    equal(read(write("safetensors", tmp_path / "file", wrapped(prefix, theirs))).state, state)


@pytest.mark.parametrize("case", ["ila_ssv2_tiny", "ila_k400_tiny", "xclip_tiny"])
def test_the_official_names_are_left_as_they_are(case):
    names = list(state_of(case))
    selected = select(names)
    assert list(selected.names) == names
    assert not selected.taken_off
    assert list(select([f"model.{name}" for name in names]).names) == names


@pytest.mark.parametrize("part", ["visual.", "vision_model."])
def test_the_image_tower_alone_keeps_its_names(part):
    """All of them begin alike, and that is no prefix."""
    theirs = [*CLIP, *huggingface.from_official(CLIP, xclip=False)]
    names = [name for name in theirs if name.startswith(part)]
    assert list(select(names).names) == names


def test_the_image_tower_alone_is_told(tmp_path):
    theirs = huggingface.from_official(CLIP, xclip=False)
    tower = {name: value for name, value in theirs.items() if name.startswith("vis")}
    path = write("safetensors", tmp_path / "file", tower)
    with pytest.raises(ValueError, match="the image tower of a CLIP alone"):
        convert_file(path, Target())


def test_wrappers_within_a_name_are_taken_off():
    wrapped_names = {name.replace("visual.", "visual._orig_mod.", 1): name for name in CLIP}
    selected = select(
        [name.replace("transformer.", "module.transformer.", 1) for name in wrapped_names]
    )
    assert list(selected.names) == list(CLIP)
    assert selected.taken_off == ("module.", "_orig_mod.")


def test_from_torch_takes_them_off_too():
    assert from_torch(wrapped("module.model.", TORCH)).config == from_torch(TORCH).config


def test_what_stands_beside_the_model_is_left_and_said(tmp_path):
    """As Lightning saves a module that has the model as an attribute."""
    others = {"criterion.weight": np.ones(3, np.float32), "head.fc.weight": np.ones(2, np.float32)}
    path = write("zip", tmp_path / "file", wrapped("model.") | others)
    conversion = convert_file(path, Target())
    equal(conversion.foreign.state)
    line = (
        "criterion.weight, head.fc.weight: stands beside the model, whose names begin with model."
    )
    assert line in summary(conversion)
    assert "names without model." in summary(conversion)


def test_counters_and_losses_without_a_prefix_are_left(tmp_path):
    others = {"n_averaged": np.asarray(3), "epoch": np.asarray(2), "criterion.w": np.ones(2, "f4")}
    foreign = read(write("zip", tmp_path / "file", wrapped("module.") | others))
    equal(foreign.state)
    assert foreign.skipped.keys() == others.keys()


def test_an_unknown_tensor_of_the_model_is_refused(tmp_path):
    """An adapter changes what the model computes: it is not left."""
    path = write("zip", tmp_path / "file", wrapped("model.") | {"model.adapter": np.ones(2, "f4")})
    with pytest.raises(ValueError, match=r"unknown: adapter \[2\]"):
        convert_file(path, Target())


HALVES = wrapped("student.") | {f"teacher.{n}": v + 1 for n, v in CLIP.items()}


@pytest.mark.parametrize("form", ["zip", "safetensors"])
def test_of_two_halves_one_is_chosen(form, tmp_path):
    path = write(form, tmp_path / "file", HALVES)
    with pytest.raises(
        ValueError, match=r"begin with student\. or teacher\.: .* --entry teacher\."
    ):
        read(path)
    equal(read(path, "student.").state)
    np.testing.assert_array_equal(
        read(path, "teacher.").state["visual.proj"], CLIP["visual.proj"] + 1
    )
    with pytest.raises(ValueError, match=r"no names begin with ema\.: expected --entry student\."):
        read(path, "ema.")


def test_a_half_without_a_prefix_is_chosen_by_a_dot(tmp_path):
    path = write("zip", tmp_path / "file", CLIP | wrapped("ema.module."))
    with pytest.raises(ValueError, match=r"begin with \. \(no prefix\) or ema\.: choose"):
        read(path)
    foreign = read(path, ".")
    equal(foreign.state)
    assert set(foreign.skipped.values()) == {
        "of another model in the file, which --entry ema. takes"
    }
    equal(read(path, "ema.").state)


def test_the_same_tensor_twice_is_refused(tmp_path):
    path = write("zip", tmp_path / "file", CLIP | wrapped("module."))
    with pytest.raises(ValueError, match="are the same tensor of one model"):
        read(path)


OPTIMIZER = {"state": {0: {"exp_avg": torch.ones(3), "step": 1}}, "param_groups": [{"lr": 0.1}]}
ENTRIES = [
    "model", "state_dict", "model_state", "model_state_dict", "module", "net", "network",
    "state_dict_ema", "ema_state_dict", "model_ema", "params", "weights", "anything at all",
]  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_entry_with_a_model_in_it_is_taken(entry, tmp_path):
    torch.save({"epoch": 3, "optimizer": OPTIMIZER, entry: TORCH}, tmp_path / "file.pth")
    foreign = read(tmp_path / "file.pth")
    equal(foreign.state)
    assert f"its entry {entry!r}" in foreign.form
    assert foreign.skipped.keys() == {"epoch", "optimizer"}


def test_an_entry_in_an_entry(tmp_path):
    torch.save({"checkpoint": {"model": wrapped("module.", TORCH), "step": 4}}, tmp_path / "f.pth")
    foreign = read(tmp_path / "f.pth")
    equal(foreign.state)
    assert "its entry 'checkpoint/model', names without module." in foreign.form


def test_of_several_entries_one_is_chosen(tmp_path):
    average = {f"module.{name}": value + 1 for name, value in TORCH.items()}
    torch.save({"model": TORCH, "model_ema": average, "optimizer": OPTIMIZER}, tmp_path / "f.pth")
    with pytest.raises(ValueError, match=r"entries model, model_ema: choose one by --entry model"):
        read(tmp_path / "f.pth")
    foreign = read(tmp_path / "f.pth", "model")
    equal(foreign.state)
    assert foreign.skipped["model_ema"] == "another model, which --entry model_ema takes"
    assert foreign.skipped["optimizer"].startswith("belongs to the training")
    foreign = read(tmp_path / "f.pth", "model_ema")
    np.testing.assert_array_equal(foreign.state["visual.proj"], CLIP["visual.proj"] + 1)
    with pytest.raises(ValueError, match=r"no entry ema with tensors; .* model, model_ema"):
        read(tmp_path / "f.pth", "ema")


def test_an_entry_and_a_prefix_in_it(tmp_path):
    halves = {name: torch.from_numpy(np.array(value)) for name, value in HALVES.items()}
    torch.save({"state_dict": halves, "other": TORCH}, tmp_path / "f.pth")
    equal(read(tmp_path / "f.pth", "state_dict/student.").state)


def test_what_is_no_tensor_is_left_and_said(tmp_path):
    torch.save(TORCH | {"epoch": 3, "name": "clip", "arguments": {"lr": 1.0}}, tmp_path / "f.pth")
    foreign = read(tmp_path / "f.pth")
    equal(foreign.state)
    assert foreign.skipped == dict.fromkeys(["epoch", "name", "arguments"], "is no tensor")


def test_what_trainings_save_beside_is_left(tmp_path):
    """Arguments as MAE's and DeiT's scripts save them, random states, empty buffers."""
    arguments = argparse.Namespace(lr=0.1, output=pathlib.Path("runs"), when=None)
    others = {"args": arguments, "rng": np.random.default_rng(0).random(3), "where": pathlib.Path()}
    weights = wrapped("module.", TORCH) | {"module.scaler.buffer": torch.zeros(0, 3)}
    for form in (True, False):
        checkpoint = {"model": weights, **others}
        torch.save(checkpoint, tmp_path / "f.pth", _use_new_zipfile_serialization=form)
        foreign = read(tmp_path / "f.pth")
        equal(foreign.state)
        assert foreign.skipped.keys() == {*others, "module.scaler.buffer"}


def test_states_of_an_optimizer_are_no_weights(tmp_path):
    torch.save({"optimizer": OPTIMIZER, "epoch": 3}, tmp_path / "f.pth")
    with pytest.raises(ValueError, match="these weights are of no ILA, X-CLIP or CLIP model"):
        convert_file(tmp_path / "f.pth", Target())
