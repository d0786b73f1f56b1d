"""The goldens through real files of PyTorch, in every format that can hold them, and back."""

import functools
import json
import pickle
import sys
import types
import warnings

import ml_dtypes
import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of other people's imports
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.numpy").save_file

import ila_jax
from ila_jax import convert
from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.folder import save
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from ila_jax.weights.state_dict import from_torch, official_state, to_tensor
from tests.golden import cases

state = functools.cache(cases.state)
CASES = ["ila_k400_tiny", "ila_k400_tiny16", "ila_ssv2_tiny", "xclip_tiny"]
LARGE = ["ila_k400_b32_8f", "xclip_b32_8f"]
pytestmark = pytest.mark.usefixtures("quick_start")
HALF = np.float16


class CfgNode(dict):
    """As yacs pickles it: a dict with attributes of its own."""


CfgNode.__module__ = "yacs.config"


@pytest.fixture
def yacs(monkeypatch):
    """A package `yacs`, only while a file is written."""
    package, module = types.ModuleType("yacs"), types.ModuleType("yacs.config")
    module.CfgNode = CfgNode
    monkeypatch.setitem(sys.modules, "yacs", package)
    monkeypatch.setitem(sys.modules, "yacs.config", module)
    config = CfgNode(DATA=CfgNode(NUM_FRAMES=4, LABEL_LIST="labels.csv"), MODEL=CfgNode(ARCH="x"))
    config.__dict__["__immutable__"] = True
    return config


def tensors(case):
    return {name: to_tensor(value) for name, value in state(case).items()}


def released(path, case, config, **options):
    """A checkpoint as the released code of X-CLIP and ILA writes it."""
    weights = tensors(case)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(weights["visual.proj"].clone())])
    optimizer.param_groups[0]["params"][0].grad = torch.ones_like(weights["visual.proj"])
    optimizer.step()
    made = {
        "model": weights, "optimizer": optimizer.state_dict(), "max_accuracy": np.float64(81.5),
        "lr_scheduler": {"t_initial": 50, "base_values": [1e-5]}, "epoch": 29, "config": config,
    }  # fmt: skip
    torch.save(made, path, **options)


def write(form, path, case, yacs):
    if form == "released":
        released(path, case, yacs)
    elif form == "before 1.6":
        released(path, case, yacs, _use_new_zipfile_serialization=False)
    elif form == "safetensors":
        save_file(state(case), path)
    elif form == "parallel":
        torch.save({"state_dict": {f"module.{n}": v for n, v in tensors(case).items()}}, path)
    else:
        torch.save(tensors(case), path)


FORMS = ["released", "before 1.6", "safetensors", "parallel", "state dict"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_every_tensor_of_a_file_is_read_bit_by_bit(case, form, tmp_path, yacs):
    write(form, tmp_path / "file", case, yacs)
    foreign = read(tmp_path / "file")
    expected = state(case)
    assert foreign.state.keys() == expected.keys()
    for name, value in expected.items():
        assert foreign.state[name].dtype == value.dtype, name
        np.testing.assert_array_equal(foreign.state[name], value, err_msg=name)
    if form in ("released", "before 1.6"):
        assert foreign.settings["DATA"] == {"NUM_FRAMES": 4, "LABEL_LIST": "labels.csv"}
        assert set(foreign.skipped) == {"optimizer", "lr_scheduler", "max_accuracy", "epoch"}


@pytest.mark.parametrize(
    "case",
    [*CASES, *(pytest.param(case, marks=pytest.mark.slow) for case in LARGE)],
)
def test_the_goldens_through_the_command_and_there_and_back(case, tmp_path, yacs, capsys):
    released(tmp_path / "model.pth", case, yacs)
    weights, back = str(tmp_path / "weights"), str(tmp_path / "back.safetensors")
    convert.main(["--input", str(tmp_path / "model.pth"), "--output", weights])
    assert "new     nothing" in capsys.readouterr().out
    recognizer, expected = ila_jax.load(weights), cases.expected(case)["eval/logits"]
    logits = recognizer.logits(cases.video(case), cases.tokens(case))
    atol = 1e-4 if case in LARGE else 1e-5  # as in tests/golden
    np.testing.assert_allclose(logits, expected, atol=atol * np.abs(expected).max(), rtol=0)
    convert.main(["--input", weights, "--to", "torch", "--output", back])
    same_bits(read(back).state, state(case))
    convert.main(["--input", weights, "--to", "torch", "--output", back[:-12] + ".pth"])
    again = torch.load(back[:-12] + ".pth", weights_only=True)["model"]
    same_bits({name: value.numpy() for name, value in again.items()}, state(case))


def same_bits(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert (value.dtype, value.shape) == (other[name].dtype, other[name].shape), name
        assert value.tobytes() == other[name].tobytes(), name


def clip_state(precision=np.float32):
    new = ("message_", "mit.", "prompts_")
    return {
        name: value.astype(precision)
        for name, value in state("xclip_tiny").items()
        if not any(part in name for part in new)
    }


def test_clip_there_and_back_through_a_folder(tmp_path):
    torch.save({n: to_tensor(v) for n, v in clip_state(HALF).items()}, tmp_path / "clip.pt")
    conversion = convert_file(tmp_path / "clip.pt", Target())
    save(conversion.recognizer, tmp_path / "weights")
    same_bits(official_state(ila_jax.load(tmp_path / "weights")), clip_state(HALF))


def test_the_legacy_form_cut_off_anywhere_is_refused(tmp_path, yacs):
    released(tmp_path / "old", "ila_ssv2_tiny", yacs, _use_new_zipfile_serialization=False)
    data = (tmp_path / "old").read_bytes()
    for tenth in range(10):
        (tmp_path / "cut").write_bytes(data[: len(data) * tenth // 10])
        with pytest.raises(ValueError, match="cannot be read: "):
            read(tmp_path / "cut")


def test_the_released_form_cut_off_anywhere_is_refused(tmp_path, yacs):
    released(tmp_path / "new", "ila_ssv2_tiny", yacs)
    data = (tmp_path / "new").read_bytes()
    for tenth in range(10):
        (tmp_path / "cut").write_bytes(data[: len(data) * tenth // 10])
        with pytest.raises(ValueError, match="cannot be read: "):
            read(tmp_path / "cut")


def test_a_whole_module_is_refused_by_name(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(ValueError, match=r"wants to load torch\.nn\.modules\.linear\.Linear"):
        read(tmp_path / "module.pt")


def test_settings_are_data_though_their_class_is_not_installed(tmp_path, yacs):
    """`pickle` needs yacs for this; reading it as data does not."""
    released(tmp_path / "model.pth", "ila_ssv2_tiny", yacs)
    sys.modules.pop("yacs.config"), sys.modules.pop("yacs")
    with pytest.raises((pickle.UnpicklingError, ModuleNotFoundError)):
        torch.load(tmp_path / "model.pth", weights_only=True)
    facts = json.loads(json.dumps(dict(read(tmp_path / "model.pth").settings)))
    assert facts["DATA"]["NUM_FRAMES"] == 4


def test_from_torch_keeps_the_counters_of_batch_norms():
    tensors = state("ila_ssv2_tiny")
    counters = {n: np.asarray(i) for i, n in enumerate(tensors) if n.endswith("batches_tracked")}
    same_bits(official_state(from_torch(tensors | counters)), tensors | counters)


def test_views_of_a_shared_storage_are_read_as_such(tmp_path):
    whole = torch.arange(24.0).reshape(4, 6)
    views = {"whole": whole, "across": whole.T, "part": whole[1:3, ::2], "last": whole[3, 5]}
    for form in (True, False):
        torch.save(views, tmp_path / "views", _use_new_zipfile_serialization=form)
        arrays = read(tmp_path / "views").state
        for name, value in views.items():
            np.testing.assert_array_equal(arrays[name], value.numpy(), err_msg=name)


def test_safetensors_of_ours_are_read_by_its_own_library(tmp_path):
    load_file = pytest.importorskip("safetensors.torch").load_file
    arrays = {
        "half": np.arange(6, dtype=HALF).reshape(2, 3), "scalar": np.asarray(3.5, np.float32),
        "count": np.asarray(7, np.int64), "brain": np.ones(5, ml_dtypes.bfloat16),
    }  # fmt: skip
    write_safetensors(tmp_path / "file", arrays)
    tensors = load_file(tmp_path / "file")
    assert tensors.keys() == arrays.keys()
    for name, value in arrays.items():
        assert torch.equal(tensors[name], to_tensor(value)), name
    same_bits(read(tmp_path / "file").state, arrays)
