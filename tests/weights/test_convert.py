"""The command: what it says, what it writes, what it refuses."""

import json
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import ila_jax
from ila_jax import cli, convert
from ila_jax.weights import verification
from ila_jax.weights.conversion import Target, convert_file, describe
from ila_jax.weights.folder import save
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.names import official
from tests.golden import cases
from tests.models import small
from tests.weights.test_adapt import clip_state, state_of

pytestmark = pytest.mark.usefixtures("quick_start")

KEYS = {
    "source", "model", "form", "size", "convolutions", "head", "frames", "classes", "resolution",
    "patch", "precision", "parameters", "tensors", "bytes", "alignment_trained",
    "activation_known", "non_finite", "parts", "left", "settings",
}  # fmt: skip


def run(*arguments, capsys=None):
    """The exit code, what was printed and the errors, as a shell sees them."""
    code = cli.run(lambda: convert.main([str(a) for a in arguments]))
    out, err = capsys.readouterr()
    return code, out, err


def facts_of(name, capsys, *more):
    code, out, _ = run("--input", name, "--inspect", "--json", *more, capsys=capsys)
    assert code == 0
    return json.loads(out)


def test_inspection_says_what_a_file_is(file, capsys):
    facts = facts_of(file(), capsys)
    assert facts.keys() == KEYS
    properties = {key: facts[key] for key in ("model", "head", "convolutions", "frames", "classes")}
    assert properties == {
        "model": "ILA", "head": "linear", "convolutions": "ssv2", "frames": 4, "classes": 5,
    }  # fmt: skip
    assert (facts["resolution"], facts["patch"], facts["size"]) == (112, 16, "custom")
    assert facts["alignment_trained"] is True
    state = state_of("ila_ssv2_tiny")
    learnt = [v for n, v in state.items() if not n.endswith(("_mean", "_var", "_tracked"))]
    assert facts["parameters"] == sum(v.size for v in learnt)
    assert facts["parameters"] == sum(part["parameters"] for part in facts["parts"].values())
    assert set(facts["parts"]) == {
        "image tower", "temporal model", "multi-frame integration", "head",
    }  # fmt: skip


def test_inspection_tells_an_alignment_that_was_never_trained(file, capsys):
    state = state_of("ila_ssv2_tiny")
    fresh = {n: np.zeros_like(v) if "prediction_block.12" in n else v for n, v in state.items()}
    assert facts_of(file(fresh), capsys)["alignment_trained"] is False


def test_inspection_of_clip_in_half_precision(file, capsys):
    half = {n: v.astype(np.float16) for n, v in clip_state().items()}
    facts = facts_of(file(half), capsys)
    assert (facts["model"], facts["head"], facts["frames"]) == ("CLIP", None, None)
    assert facts["precision"] == {"float16": len(half)}
    assert facts["activation_known"] is False


def test_inspection_as_a_table(file, capsys):
    code, out, _ = run("--input", file(), "--inspect", capsys=capsys)
    assert code == 0
    assert "alignment trained  yes" in out
    assert "temporal model" in out


@pytest.fixture
def config(tmp_path):
    """A configuration of the model that the tests convert to; other frames than the file's."""
    path = tmp_path / "config.py"
    path.write_text(
        textwrap.dedent("""
            from ml_collections import ConfigDict

            def get_config():
                shape = dict(patch=16, resolution=112, width=128, depth=1, embed=64,
                             text_width=64, text_depth=1, vocabulary=512, context=77)
                return ConfigDict(dict(model=dict(
                    size="small", temporal="xclip", frames=4, head="text", classes=None,
                    convolutions="k400", channels=256, dropout=0.5, precision="float32",
                    shape=shape)))
        """)
    )
    return str(path)


def test_inspection_lists_what_differs_from_a_configuration(file, config, capsys):
    facts = facts_of(file(), capsys, "--config", config)
    differences = facts["differences"]
    assert "temporal: 'ila', 'xclip'" in differences["config"]
    assert "token_embedding.weight" in differences["missing"]
    assert "mit.classify_head.2.weight" in differences["unexpected"]
    message = "visual.transformer.resblocks.0.message_attn.in_proj_weight"
    assert message in differences["missing"]


def test_a_configuration_is_changed_as_in_training(file, config, capsys):
    changed = facts_of(file(), capsys, "--config", config, "--config.model.temporal=spatial")
    assert "temporal: 'ila', 'spatial'" in changed["differences"]["config"]


def test_inspection_against_a_model_without_official_names(file, config, tmp_path, capsys):
    divided = tmp_path / "divided.py"
    divided.write_text(Path(config).read_text().replace("xclip", "divided"))
    differences = facts_of(file(clip_state()), capsys, "--config", divided)["differences"]
    assert differences["unexpected"] == differences["shape"] == []
    assert "visual/blocks/0/temporal/fc/kernel" in differences["missing"]
    assert "mit.positional_embedding" in differences["missing"]


def test_no_way_back_for_a_model_that_was_never_in_pytorch(tmp_path, capsys):
    save(ila_jax.create("tiny", "divided", 2, head="linear", classes=3), tmp_path / "made")
    arguments = ["--input", tmp_path / "made", "--to", "torch", "--output", tmp_path / "b.pth"]
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 1
    assert "'divided' attention has no official PyTorch form" in err
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_clip_into_the_model_of_a_configuration(file, config, tmp_path, capsys):
    names = tmp_path / "names.txt"
    arguments = ["--input", file(clip_state()), "--output", tmp_path / "made", "--config", config]
    names.write_text("push up\n\npull up\n")  # a blank line would shift the classes after it
    code, _, err = run(*arguments, "--class-names", names, capsys=capsys)
    assert code == 1
    assert "names.txt:2: blank" in err
    names.write_text("push up\npull up\n")
    code, out, _ = run(*arguments, "--class-names", names, capsys=capsys)
    assert code == 0
    assert "found   CLIP" in out
    assert "new     temporal model: 8 tensors" in out
    assert "QuickGELU" in out
    made = ila_jax.load(tmp_path / "made")
    assert made.config.temporal == "xclip"
    assert made.class_names == ("push up", "pull up")
    assert made.origin.kind == "clip"


def test_an_existing_output_stays_unless_forced(file, tmp_path, capsys):
    made, name = tmp_path / "made", file()
    assert run("--input", name, "--output", made, capsys=capsys)[0] == 0
    code, _, err = run("--input", name, "--output", made, capsys=capsys)
    assert code == 1
    assert "exists" in err
    assert run("--input", name, "--output", made, "--force", capsys=capsys)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "model.safetensors"]


def test_force_replaces_nothing_but_weights(file, tmp_path, capsys):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").touch()
    arguments = ["--input", file(), "--output", tmp_path / "home", "--force"]
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 1
    assert "no folder of weights" in err
    assert (tmp_path / "home" / "letter").exists()


def test_a_failed_conversion_leaves_nothing(file, tmp_path, capsys):
    state = state_of("ila_ssv2_tiny")
    del state["visual.ln_pre.weight"]
    state["visual.extra"] = np.zeros(3, np.float32)
    state["visual.ln_post.bias"] = np.zeros(5, np.float32)
    name = file(state)
    code, _, err = run("--input", name, "--output", tmp_path / "made", capsys=capsys)
    assert code == 1
    assert "3 tensor(s) are wrong" in err
    for problem in (
        "missing: visual.ln_pre.weight",
        "unknown: visual.extra",
        "visual.ln_post.bias",
    ):
        assert problem in err
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_nan_is_a_warning_with_the_name(file, capsys):
    state = state_of("ila_ssv2_tiny")
    state["visual.proj"] = state["visual.proj"] * np.nan
    conversion = convert_file(file(state), Target())
    assert conversion.report.notes == ["warning: visual.proj holds NaN or infinite values"]


def test_wrong_class_names_are_counted(file, tmp_path):
    with pytest.raises(ValueError, match="there are 2 class names, and the linear head has 5"):
        convert_file(file(), Target(class_names=["a", "b"]))
    with pytest.raises(ValueError, match="class names are 'abcde': expected a list of names"):
        convert_file(file(), Target(class_names="abcde"))


def test_verify_without_pytorchs_model_is_a_checksum(file, tmp_path, capsys):
    code, out, _ = run("--input", file(), "--verify", capsys=capsys)
    assert code == 0
    assert "there and back are bit-equal, checksum" in out
    assert "Outputs were not compared" in out


def test_verify_finds_a_layer_that_is_not_written_back(file, monkeypatch):
    conversion = convert_file(file(), Target())
    state = dict(conversion.foreign.state)
    state["visual.ln_pre.weight"] = state["visual.ln_pre.weight"] + 1
    recognizer = ila_jax.from_torch(state_of("ila_ssv2_tiny"))
    with pytest.raises(ValueError, match=r"tensors differ: visual\.ln_pre\.weight"):
        verification._checksums(recognizer, state)


def test_verify_compares_with_pytorch_part_by_part(file, capsys, monkeypatch):
    pytest.importorskip("transformers")
    name = file(state_of("xclip_tiny"))
    code, out, _ = run("--input", name, "--verify", capsys=capsys)
    assert code == 0
    for part in ("image embedding", "image block 0", "text features", "video features", "logits"):
        assert part in out
    assert "since no configuration is in this file" in out
    # A conversion that mixes up two norms is found.
    rules = [swapped(rule) for rule in official.IMAGE_TOWER]
    monkeypatch.setattr(official, "IMAGE_TOWER", rules)
    code, _, err = run("--input", name, "--verify", capsys=capsys)
    assert code == 1
    assert "gives something else in image block 0" in err


def swapped(rule):
    names = {"/norm1/": "/norm2/", "/norm2/": "/norm1/"}
    target = rule.target
    for old, new in names.items():
        if old in target:
            return type(rule)(rule.source, target.replace(old, new), rule.layout)
    return rule


def test_writing_pth_without_pytorch_is_told(file, tmp_path, capsys, monkeypatch):
    assert run("--input", file(), "--output", tmp_path / "w", capsys=capsys)[0] == 0
    monkeypatch.setitem(sys.modules, "torch", None)
    arguments = ["--input", tmp_path / "w", "--to", "torch", "--output", tmp_path / "back.pth"]
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 1
    assert "pip install torch" in err
    # Before anything is read: even weights that are not there.
    _, _, err = run("--input", tmp_path / "gone", *arguments[2:], capsys=capsys)
    assert "pip install torch" in err
    arguments[-1] = tmp_path / "back.safetensors"
    assert run(*arguments, capsys=capsys)[0] == 0
    assert read(tmp_path / "back.safetensors").state.keys() == state_of("ila_ssv2_tiny").keys()


def test_half_a_command_is_explained(capsys, file):
    for arguments, message in (
        (["--input", "x"], "--output is missing"),
        (["--input", "x", "--output", "y", "--json"], "--json goes with --inspect"),
        (["--input", "x", "--to", "torch"], "--output is missing"),
        (["--input", "x", "--output", "y", "--config.model.frames=4"], "name it with --config"),
        (
            ["--input", "x", "--output", "y", "--config", "k400/b32_8f", "--config.data.bogus=4"],
            "only the model is used",
        ),
        (["--input", "x", "--to", "torch", "--output", "y", "--config.model.frames=4"], "torch"),
        (["--input", "x", "--output", "y", "--frmes=4"], "unknown argument --frmes=4"),
        (["--input", "x", "--to", "torch", "--output", "y", "--frames", "4"], "--frames has no"),
        (["--input", "x", "--inspect", "--output", "y"], "--output has no meaning with --inspect"),
    ):
        with pytest.raises(SystemExit):
            convert.main(arguments)
        assert message in capsys.readouterr().err


def test_the_cases_have_what_the_tests_cut_down():
    assert len(state_of("ila_ssv2_tiny")) < len(cases.state("ila_ssv2_tiny"))


@pytest.mark.parametrize("temporal", ["ila", "ila_token"])
def test_either_form_of_ila_is_described_with_its_convolutions(temporal):
    config = small.config(temporal, convolutions="ssv2")
    form = f"small {temporal} (ssv2 convolutions), 3 frames of 16 px, linear head, 5 classes"
    assert describe(config) == form
