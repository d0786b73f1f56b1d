"""An exported model says the same in a process that has jax and nothing of this package."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ila_jax
from ila_jax.export import main
from ila_jax.models.model import Variables
from ila_jax.pixels import normalise
from ila_jax.recognizer import Recognizer
from ila_jax.weights import exported, load_exported, onnx_program, stablehlo
from ila_jax.weights.folder import load, save
from tests.models import small

flatbuffers = pytest.importorskip("flatbuffers")
NAMES = ["one", "two", "three", "four", "five"]
ONE_BLOCK = dataclasses.replace(small.SHAPE, depth=1)
# Finds no module but Python's own, jax and what jax asks for, as if no other were installed.
ELSEWHERE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
there = {"jax", "jaxlib", "numpy", "ml_dtypes", "opt_einsum", "scipy", "flatbuffers", "load"}
class Only:
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        python = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        return PathFinder.find_spec(name, path, target) if python or top in there else None
sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Only]
folder, site, videos, out = sys.argv[1:]
sys.path[:0] = [folder, site]
from load import load
import numpy as np
model, video = load(), np.load(videos)
np.savez(out, one=model(video[:1]), all=model(video))
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"ila_jax", "flax", "einops", "optax"}, loaded
"""


def elsewhere(folder, video, tmp_path):
    """Logits of the first clip and of all, from a fresh process."""
    np.save(tmp_path / "video.npy", video)
    site = Path(flatbuffers.__file__).parents[1]
    files = [folder, site, tmp_path / "video.npy", tmp_path / "out.npz"]
    subprocess.run([sys.executable, "-I", "-c", ELSEWHERE, *map(str, files)], check=True)
    found = np.load(tmp_path / "out.npz")
    return found["one"], found["all"]


def clips(config, batch, seed=1):
    size = config.geometry().resolution
    shape = (batch, config.frames, size, size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def check_elsewhere(folder, recognizer, tmp_path):
    """Batches of 1 and 7, as the model says, to 1e-5 of the largest logit."""
    video = clips(recognizer.config, 7)
    want = np.asarray(recognizer.logits(normalise(jnp.asarray(video))))
    one, seven = elsewhere(folder, video, tmp_path)
    assert (one.shape, seven.shape) == ((1, want.shape[1]), want.shape)
    assert one.dtype == seven.dtype == np.float32
    tolerance = 1e-5 * max(1.0, np.abs(want).max())
    np.testing.assert_allclose(one, want[:1], atol=tolerance, rtol=0)
    np.testing.assert_allclose(seven, want, atol=tolerance, rtol=0)


def test_a_model_says_the_same_where_there_is_only_jax(tmp_path, capsys):
    config = small.config("spatial", "text", shape=ONE_BLOCK)  # which compiles fast; others below
    saved = Recognizer(config, small.filled(config), NAMES, temperature=1.5)
    ila_jax.save(saved.with_views(clips=2, crops=3), tmp_path / "weights")
    target = tmp_path / "new" / "exported"
    assert main([str(tmp_path / "weights"), "--output", str(target)]) == 0
    out = capsys.readouterr().out
    assert "compared: logits differ by" in out
    assert sorted(path.name for path in target.iterdir()) == [
        "README.md",
        "about.json",
        "load.py",
        "model.stablehlo",
        "weights.npz",
    ]
    assert [path.name for path in target.parent.iterdir()] == ["exported"]
    assert not any("text/" in name for name in np.load(target / "weights.npz"))
    check_elsewhere(target, load(tmp_path / "weights"), tmp_path)

    about = json.loads((target / "about.json").read_text())
    assert (about["classes"], about["temperature"]) == (NAMES, 1.5)
    assert about["input"] == ["b", 3, 16, 16, 3]
    assert (about["views"]["clips"], about["weights"]) == (2, "beside")
    assert about["platforms"] == ["cpu", "cuda", "rocm", "tpu"]
    program = jax.export.deserialize(bytearray((target / "model.stablehlo").read_bytes()))
    assert list(program.platforms) == about["platforms"]
    card = (target / "README.md").read_text()
    for words in (
        "uint8 [b, 3, 16, 16, 3], RGB -> [b, 5]",
        "| temporal model | spatial |",
        "- one\n- two\n- three\n- four\n- five\n",
        "The short side is resized to 16 pixels",
        "2 clips × 3 crops",
        "| weights | in weights.npz; ",
        "logits differ by",
        "Not measured: accuracy",
        about["weights_sha256"],
    ):
        assert words in card, card


@pytest.fixture(scope="module")
def linear():
    config = small.config("spatial", "linear", shape=ONE_BLOCK, precision="bfloat16")
    return Recognizer(config, small.filled(config), NAMES)


def test_weights_inside_and_a_model_of_bfloat16_is_exported_in_float32(tmp_path):
    config = small.config("spatial", "text", shape=ONE_BLOCK, precision="bfloat16")
    recognizer = Recognizer(config, small.filled(config), NAMES)
    parity = stablehlo.write(recognizer, tmp_path / "out", weights="inside", name="mine")
    assert parity.worst <= 1e-5 * max(1.0, parity.largest)
    assert not (tmp_path / "out" / "weights.npz").exists()
    video = clips(config, 3)
    want = exported.in_float32(recognizer).logits(normalise(jnp.asarray(video)))
    found = load_exported.load(tmp_path / "out")(video)
    np.testing.assert_allclose(found, want, atol=1e-5 * max(1.0, parity.largest), rtol=0)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "the model was set to bfloat16" in card
    assert "| weights | in the program itself; " in card


def test_products_are_in_full_float32_whatever_the_device_would_take(linear, tmp_path):
    """Tests run with the highest precision; people do not."""
    with jax.default_matmul_precision("default"):
        stablehlo.write(linear, tmp_path / "out", weights="inside", name="mine")
    program = jax.export.deserialize((tmp_path / "out" / "model.stablehlo").read_bytes())
    products = [
        line for line in program.mlir_module().splitlines() if "stablehlo.dot_general" in line
    ]
    assert products
    assert all("HIGHEST" in line for line in products)


def test_a_program_that_does_not_agree_is_not_written(linear, tmp_path, monkeypatch):
    other = Recognizer(linear.config, small.filled(linear.config, "other"), NAMES)
    program = stablehlo.make(exported.in_float32(other), weights="inside")
    monkeypatch.setattr(stablehlo, "make", lambda *args, **options: program)
    with pytest.raises(RuntimeError, match=r"differs from the model by .*: nothing was written"):
        stablehlo.write(linear, tmp_path / "out", weights="inside", name="mine")
    assert list(tmp_path.iterdir()) == []
    broken = Recognizer(linear.config, jax.tree.map(lambda x: x * np.nan, linear.variables), NAMES)
    with pytest.raises(RuntimeError, match="differs from the model by nan"):
        stablehlo.write(broken, tmp_path / "out", weights="inside", name="mine")
    assert list(tmp_path.iterdir()) == []


def test_a_program_of_a_form_that_is_not_the_models_is_not_written(linear, tmp_path, monkeypatch):
    other = exported.in_float32(
        Recognizer(linear.config, small.filled(linear.config, "other"), NAMES)
    )
    monkeypatch.setattr(Recognizer, "for_inference", lambda self: other)
    with pytest.raises(RuntimeError, match=r"differs from the model by .*: nothing was written"):
        stablehlo.write(linear, tmp_path / "out", weights="inside", name="mine")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_told_in_words(linear, tmp_path, monkeypatch, capsys):
    save(Recognizer(linear.config, linear.variables), tmp_path / "nameless")
    arguments = [str(tmp_path / "nameless"), "--output", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert "does not know what its classes are called" in capsys.readouterr().err
    assert main([*arguments[:2], str(tmp_path / "nameless")]) == 1
    assert "nameless exists: give the name of a folder to be made" in capsys.readouterr().err
    assert main([*arguments, "--classes", "one,two"]) == 1
    assert "2 class names for a linear head of 5 classes" in capsys.readouterr().err
    monkeypatch.setattr(exported, "_MOST_INSIDE", 1000)
    with pytest.raises(ValueError, match="a program holds 2 GB: use --weights beside"):
        stablehlo.write(linear, tmp_path / "out", weights="inside", name="mine")
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    assert main(arguments) == 1
    assert "pip install 'ila-jax[export]'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    assert main([*arguments, "--format", "onnx"]) == 1
    assert "jax2onnx" in (err := capsys.readouterr().err)
    assert "pip install 'ila-jax[onnx]'" in err
    assert not (tmp_path / "out").exists()


def test_ata_is_refused_as_onnx_before_any_work(tmp_path):
    recognizer = Recognizer(small.config("ata"), Variables({}, {}), NAMES)
    with pytest.raises(ValueError, match=r"is ata, .* expected another .*--format stablehlo"):
        onnx_program.write(recognizer, tmp_path / "out", weights="beside", name="ata")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("temporal", ["ila", "ila_token", "joint", "divided", "ata", "xclip"])
def test_every_temporal_model_can_be_exported(temporal, tmp_path):
    """ATA among them, whose matching calls back to the host where it is not exported."""
    config = small.config(temporal, "linear")
    recognizer = Recognizer(config, small.filled(config), NAMES)
    stablehlo.write(recognizer, tmp_path / "out", weights="beside", name=temporal)
    check_elsewhere(tmp_path / "out", recognizer, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["beside", "inside"])
def test_b32_says_the_same_where_there_is_only_jax(weights, tmp_path, capsys):
    recognizer = ila_jax.create("B/32", frames=8).with_classes(["clapping", "waving", "running"])
    parity = stablehlo.write(recognizer, tmp_path / "out", weights=weights, name="B/32")
    with capsys.disabled():
        print(f"\nB/32, weights {weights}: {parity}")
    check_elsewhere(tmp_path / "out", recognizer, tmp_path)
