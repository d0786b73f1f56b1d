"""The command's outputs parse, its figures appear, and it fails in sentences."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax import cli
from ila_jax.complexity import main
from ila_jax.cost import growth
from ila_jax.cost.countings import AXES, COUNTINGS, METHODS, Setting, by_formula
from ila_jax.cost.measure import measure
from ila_jax.cost.paper import published, verdict
from ila_jax.models import model
from ila_jax.models.temporal.matching import composed, matched, similarities

TINY = ["--size", "tiny", "--frames", "2", "--classes", "3", "--resolution", "16"]


def printed(capsys, *arguments):
    main(list(arguments))
    return capsys.readouterr().out


def refused(capsys, *arguments):
    assert cli.run(lambda: main(list(arguments))) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "Traceback" not in message
    return message


def test_the_papers_setting_as_json(capsys):
    result = json.loads(printed(capsys, "--json", "--methods", "spatial,joint,xclip"))
    assert result["setting"]["size"] == "B/32"
    assert result["countings"] == COUNTINGS
    spatial, joint, xclip = result["rows"]
    assert spatial["parts"].keys() == {"patches", "CLIP's block", "class projection"}
    assert sum(joint["parts"].values()) == joint["formula_macs"]["tower"]
    assert joint["new_parameters"] == 6144
    assert joint["paper"] == {"gflops": 71, "top1": 80.4}
    assert not joint["verdict"]["reproduced"]
    assert xclip["verdict"]["reproduced"]
    assert xclip["verdict"]["counting"] == "one_class"
    assert xclip["measured"] is None
    assert all(row["folded_macs"].keys() == row["traced_macs"].keys() for row in result["rows"])
    assert xclip["folded_macs"]["text_head"] < xclip["traced_macs"]["text_head"]
    assert all(row["disagreement"] < 0.005 for row in result["rows"])


def test_text_and_markdown_have_a_line_a_method(capsys):
    text, markdown = (printed(capsys, *TINY, *form) for form in ((), ("--markdown",)))
    for method in METHODS.values():
        assert sum(line.startswith(method.title) for line in text.splitlines()) == 1
        assert sum(line.startswith(f"| {method.title} |") for line in markdown.splitlines()) == 1
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert "paper" not in text.replace("the paper's token", "")  # its figures are of B/32


def test_measured_figures_are_there(capsys):
    arguments = [*TINY, "--measure", "--repeats", "2", "--methods", "ata", "--json"]
    (row,) = json.loads(printed(capsys, *arguments))["rows"]
    measured = row["measured"]
    assert 0 < measured["fastest"] <= measured["seconds"]
    assert measured["compiling"] > 0
    # The text tower takes no part: its features are given.
    setting = Setting(size="tiny", frames=2, classes=3, resolution=16, channels=32)
    params = model.abstract(setting.config(METHODS["ata"])).params
    used = [params[part] for part in ("visual", "mit", "head")]
    weights = sum(4 * leaf.size for leaf in jax.tree.leaves(used))
    assert weights < measured["peak_bytes"] < 2 * weights
    assert 0 < measured["working_bytes"] < measured["peak_bytes"] - weights
    # XLA counts elementwise arithmetic too, which at this size is much.
    assert measured["xla_macs"] > row["formula_macs"]["text_head"] / 2


def test_measuring_a_product_of_matrices():
    x = jnp.ones((64, 64))
    cost = measure(lambda a, b: a @ b, x, x, repeats=3)
    assert cost.xla_macs == pytest.approx(64**3, rel=0.02)
    assert cost.peak_bytes >= 3 * 4 * 64**2


@pytest.mark.parametrize("axis", AXES)
def test_a_sweep_as_json(axis, capsys):
    values = {"frames": "2,3", "resolution": "16,20"}[axis]
    arguments = [*TINY, "--sweep", axis, "--values", values, "--repeats", "1"]
    sweep = json.loads(printed(capsys, *arguments, "--methods", "spatial", "--json"))
    assert (sweep["axis"], sweep["values"]) == (axis, [int(v) for v in values.split(",")])
    lines = {line["key"]: line for line in sweep["lines"]}
    matchings = ["ata_serial_host", "ata_batched_host", "ata_serial", "ata_batched"]
    assert list(lines) == ["spatial", *matchings, "ila_alignment"]
    for line in lines.values():
        assert len(line["seconds"]) == len(line["formula"]) == len(line["bytes"]) == 2
        assert min(line["seconds"]) > 0
    if axis == "frames":
        assert lines["spatial"]["formula_exponent"] == pytest.approx(1)
    else:  # N³ with N = (h/4)²
        assert lines["ata_batched"]["formula_exponent"] == pytest.approx(6)


def test_exponents_are_fitted_on_logarithms():
    values = [2, 4, 8]
    assert growth.Line.exponent(values, [3 * v**2.5 for v in values]) == pytest.approx(2.5)
    assert growth.Line.exponent(values, [None, None, None]) is None


def test_atas_serial_matching_is_the_batched_one():
    patches = np.random.RandomState(0).standard_normal((1, 4, 16, 64)).astype(np.float32)
    expected = composed(matched(similarities(jnp.asarray(patches))))
    np.testing.assert_array_equal(growth.serial_matching(patches), expected)


def test_verdicts_are_those_of_the_specification():
    """models.md 8: spatial and X-CLIP reproduce, the others do not under any counting."""
    setting = Setting(size="B/32", frames=8, classes=400)
    verdicts = {
        key: verdict(setting, key, by_formula(setting.config(method), 400))
        for key, method in METHODS.items()
    }
    reproduced = {key: row.reproduced for key, row in verdicts.items() if row is not None}
    assert {key for key, is_equal in reproduced.items() if is_equal} == {"spatial", "xclip"}
    assert reproduced.keys() == {"spatial", "joint", "divided", "ata", "xclip", "ila", "ila_token"}
    assert published(Setting(size="B/16", frames=8, classes=400), "ila") is None


@pytest.mark.parametrize("name", ["cost.png", "cost.svg"])
def test_the_figure_of_cost(name, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    printed(capsys, "--methods", "spatial,xclip", "--figure", str(tmp_path / name))
    assert (tmp_path / name).stat().st_size > 5000


def test_the_figure_of_growth(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "growth.png"
    printed(capsys, *TINY, "--sweep", "frames", "--values", "2,3", "--repeats", "1",
         "--methods", "xclip", "--figure", str(path))  # fmt: skip
    assert path.stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "B/8"], "size 'B/8' is unknown: expected one of tiny, B/32"),
        (["--frames", "1"], "frames is 1: expected at least 2"),
        (["--classes", "0"], "classes is 0: expected at least 1"),
        (["--resolution", "100"], "resolution 100 is no multiple of the patch size 32"),
        (["--resolution", "96"], "gives 3 patches a side"),
        (["--methods", "ila,slow"], "unknown 'slow', expected some of clip, spatial"),
        (["--repeats", "0"], "--repeats is 0: expected at least 1"),
        (["--sweep", "frames", "--values", "8,4"], "expected two or more growing numbers"),
        (["--sweep", "frames", "--values", "1,4"], "frames is 1: expected at least 2"),
        (["--sweep", "frames", "--values", "a,b"], "--values a,b: expected two or more"),
        (["--values", "2,4"], "--values goes with --sweep"),
        (["--sweep", "frames", "--measure"], "--sweep measures already"),
        (["--figure", "cost.txt"], "expected a name that ends in .png, .svg, .pdf"),
        (["--figure", "/nowhere/cost.png"], "there is no folder /nowhere"),
    ],
)
def test_bad_values_are_told(arguments, sentence, capsys):
    assert sentence in refused(capsys, *arguments)


def test_a_figure_without_the_papers_rows_is_refused(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    message = refused(capsys, *TINY, "--methods", "spatial", "--figure", str(tmp_path / "a.png"))
    assert "which are of B/32, 8 frames, 400 classes" in message


def test_a_missing_matplotlib_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    message = refused(capsys, "--figure", str(tmp_path / "cost.png"))
    assert "pip install 'ila-jax[plots]'" in message
