"""What a dry run says of a run, before there is one."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from ila_jax.config import from_config, read_config
from ila_jax.job.sharding import planned_mesh
from ila_jax.train.__main__ import main
from ila_jax.train.dry_run import kept, memory, plan, report
from ila_jax.train.dry_run import tables as tables
from ila_jax.train.dry_run.kept import Kept
from ila_jax.train.dry_run.plan import Planner
from ila_jax.train.start import abstract_state
from tests.train import runs

GIB = 2**30
PAPER = [
    *(f"k400/{name}" for name in ("b32_8f", "b32_16f", "b16_8f", "b16_16f", "l14_8f")),
    *("k400/l14_336_16f", "ssv2/b16_8f", "ssv2/b16_16f", "ssv2/l14_8f", "ssv2/l14_336_16f"),
]


def file(name):
    return str(runs.ROOT / "configs" / f"{name}.py")


def recipe_of(name, overrides=()):
    config = from_config(read_config(file(name), list(overrides)))
    return report.planned_recipe(config, report.known_data(config, 240_000))


def small():
    config = runs.config({"train.accumulation": 2})
    return report.planned_recipe(config, report.known_data(config, None))


def dry(*arguments):
    return main(["--dry-run", *arguments])


def arguments(**overrides):
    changed = runs.SMALL | {key.replace("__", "."): value for key, value in overrides.items()}
    return ["--config", runs.QUICKSTART, *(f"--config.{k}={v}" for k, v in changed.items())]


def test_a_device_holds_its_part_of_what_divides_and_the_whole_of_the_rest():
    mesh = planned_mesh(8, fsdp=4)
    tree = {"params": {"divides": jnp.zeros((3, 8)), "does not": jnp.zeros(5)}}
    assert memory.held(mesh, tree) == 3 * 2 * 4 + 5 * 4
    assert memory.held(planned_mesh(8, fsdp=1), tree) == 3 * 8 * 4 + 5 * 4
    with pytest.raises(ValueError, match="does not divide 8 devices"):
        planned_mesh(8, fsdp=3)


def test_the_memory_of_a_step_by_hand():
    recipe = small()  # 8 clips of 4 frames of 16×16 pixels in 2 parts
    state, mesh = abstract_state(recipe), planned_mesh(2, fsdp=1)
    found = memory.memory(recipe, state, mesh, Kept(100, 10, 1), Kept(7, 70, 5))
    parameters = sum(x.size for x in jax.tree.leaves(state["params"]))
    pixels = 4 * 16 * 16 * 3
    assert found.parameters == 4 * parameters
    assert found.optimizer == 2 * 4 * parameters + 4  # two moments, and a counter
    assert found.average == 0
    assert found.batch == 4 * (pixels + 4)
    assert found.kept == 100 + 10 * 2  # two clips at a time
    assert found.again == (5 - 1) * 2  # what a block keeps all the time is among what is kept
    # Of a part, and the sum of the parts; and the weights after the step.
    assert found.gradients == found.summed == found.updated == 4 * parameters
    assert found.augmentation == 2 * 2 * pixels * 4
    assert found.gathered == 0
    # Gradients are more than what is kept here, so that the end of the backward pass has the most.
    working = 4 * parameters + 8 + 4 * parameters
    assert found.working == working
    assert found.margin == round(0.15 * working)
    assert found.total == 12 * parameters + 4 + found.statistics + found.batch + working + round(
        0.15 * working
    )


def test_split_weights_are_gathered_by_hand():
    recipe, kept = small(), Kept(100, 10, 1)
    state, mesh = abstract_state(recipe), planned_mesh(2, fsdp=2)
    found = memory.memory(recipe, state, mesh, kept)
    assert found.parameters == found.updated < found.gradients
    assert found.gathered == 3 * found.gradients
    assert found.working == 5 * found.gradients  # with their sum; what is kept is less


MEMORY = dict.fromkeys(
    ("parameters", "optimizer", "average", "statistics", "batch", "again", "summed", "gathered"), 0
)


@pytest.mark.parametrize(
    ("kept", "gradients", "augmentation", "working"),
    [(9, 2, 1, 9), (3, 5, 1, 10), (3, 2, 7, 7)],
    ids=["forward pass", "new weights", "augmentation"],
)
def test_working_memory_is_the_most_at_a_time(kept, gradients, augmentation, working):
    found = memory.Memory(
        **MEMORY, kept=kept, gradients=gradients, updated=gradients, augmentation=augmentation
    )
    assert found.working == working


@pytest.fixture
def keeps(monkeypatch):
    """A model that keeps 1 GiB a clip, 0.25 with dots, 0.125 with block; a tenth is one block's."""
    clips = {"none": 1.0, "dots": 0.25, "block": 0.125}

    def traced(recipe):
        clip = clips[recipe.config.model.remat] * GIB
        return Kept(0, clip, clip / 10)

    monkeypatch.setattr(plan, "traced", traced)


@pytest.mark.parametrize(
    ("limit", "accumulation", "remat", "clips"),
    [(44, 1, "none", 32), (25, 2, "none", 16), (7, 16, "none", 2), (4.2, 8, "dots", 4)],
)
def test_parts_come_before_blocks_computed_again(keeps, limit, accumulation, remat, clips):
    found = Planner(recipe_of("k400/b32_8f"), 8).fitting(limit * GIB)
    chosen = found.config.train.accumulation, found.config.model.remat, found.config.mesh.fsdp
    assert chosen == (accumulation, remat, 1)
    assert found.clips == clips
    assert found.memory.total <= limit * GIB


def test_weights_are_split_only_when_nothing_else_fits(keeps):
    # With an average: what a step gathers of split weights is nearly all that the rest would save.
    planner = Planner(recipe_of("k400/b32_8f", [("train.ema", 0.999)]), 8)
    remats = ("none", "dots", "block")
    smallest = [planner.plan(accumulation=16, remat=remat, fsdp=1).memory for remat in remats]
    found = planner.fitting(min(need.total for need in smallest) - 1)
    assert found.config.mesh.fsdp == -1
    assert found.memory.state < smallest[0].state / 7
    assert planner.fitting(GIB) is None


@pytest.mark.parametrize(
    ("batch", "devices", "expected"),
    [(256, 8, [1, 2, 4, 8, 16]), (24, 4, [1, 3]), (20, 8, []), (8, 8, [])],
)
def test_each_device_keeps_pairs_of_clips(batch, devices, expected):
    assert list(plan.accumulations(batch, devices)) == expected


def test_a_plot_has_a_row_for_each_part_of_the_largest_value():
    assert tables.columns([0, 1, 2, 1.5], 2) == ["|  █▄", "| ███"]


@pytest.mark.slow
def test_a_dry_run_of_the_quickstart_here(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = {}
    told = tables.memory

    def seen(plan, compiled, where):
        shown.update(plan=plan, compiled=compiled)
        return told(plan, compiled, where)

    monkeypatch.setattr(tables, "memory", seen)
    overrides = {"mesh__fsdp": 4, "train__batch": 16}
    assert dry(*arguments(**overrides), "--rate", "100", "--device-memory", "8GiB") == 0
    said = capsys.readouterr().out
    print(said)
    assert "8 devices (cpu) of 8GiB" in said
    need, xla = shown["plan"].memory, shown["compiled"]
    assert need.arguments + 3 * 4 == xla.arguments  # three counters: of steps, and of skipped ones
    assert 0.7 < need.working / xla.working < 1.6  # of 1.5 MiB
    assert "It fits" in said
    assert re.search(r"steps an epoch +4\n", said)
    assert re.search(r"training +0.0 hours at 100 clips a second", said)
    assert re.search(r"temporal .* 1 × +1.0e-03 +1.0e-05", said)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "fsdp"), [(64, 1), (16, 8)])
def test_the_estimate_is_what_xla_plans_for_a_large_model(batch, fsdp):
    """A B/32 cut to three blocks, on eight devices."""
    overrides = {"model.precision": "float32", "train.batch": batch, "mesh.fsdp": fsdp}
    overrides["optimizer.warmup_epochs"] = 0  # five of such small batches are more than all steps
    recipe = kept.of_depth(recipe_of("k400/b32_8f", overrides.items()), 3)
    need, xla = Planner(recipe, 8).as_configured().memory, report.compiled(recipe)
    assert need.working == pytest.approx(xla.working, rel=0.1)


def test_jax_takes_three_quarters_of_a_device_or_what_it_is_told(monkeypatch):
    for name in ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION"):
        monkeypatch.delenv(name, raising=False)
    assert report.machine(8, "32GiB").memory == 24 * GIB
    monkeypatch.setenv("XLA_PYTHON_CLIENT_MEM_FRACTION", ".5")
    assert report.machine(8, "32GiB").memory == 16 * GIB
    monkeypatch.setenv("XLA_CLIENT_MEM_FRACTION", "most")
    with pytest.raises(ValueError, match="XLA_CLIENT_MEM_FRACTION is 'most'"):
        report.machine(8, "32GiB")


def test_a_plan_for_devices_and_data_that_are_not_here(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["--config", file("ssv2/b16_8f"), "--devices", "8", "--device-memory", "32GiB"]
    assert dry(*command) == 0
    said = capsys.readouterr().out
    print(said)
    missing = "'data/ssv2/labels/train.json' does not exist.\n"
    assert f"the data cannot be opened here: {missing}" in said
    assert "give --videos N" in said
    assert re.search(r"tower +[\d,]+ +frozen +– +–", said)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPER)
def test_each_paper_configuration_says_what_fits_8_devices_of_32_gb(name):
    where = report.machine(8, "32GiB")
    found = Planner(recipe_of(name), 8).fitting(where.memory)
    said = " ".join(Path(file(name)).read_text().split())
    assert " ".join(found.overrides[:2]) in said
    assert found.config.mesh == recipe_of(name).config.mesh


def test_wrong_arguments_are_told_in_words(capsys):
    for wrong, words in {
        ("--devices", "8"): "add --device-memory",
        ("--devices", "0"): "--devices is 0: expected 1 or more",
        ("--devices", "8", "--device-memory", "32"): "expected a number and one of GiB",
        ("--device-memory", "0GiB"): "--device-memory is '0GiB'",
        ("--devices", "3", "--device-memory", "1GiB", "--config.mesh.fsdp=2"): "divide 3 devices",
        ("--rate", "0"): "--rate is 0.0: expected a positive number",
        ("--videos", "3"): "3 videos are fewer than one batch, train.batch 8",
    }.items():
        assert dry(*arguments(), *wrong) == 1
        *_, last = capsys.readouterr().err.splitlines()
        assert last.startswith("error: ")
        assert words in last
    for wrong, words in {
        ("--workdir", "x", "--rate", "3"): "--dry-run",
        (): "--workdir is missing",
        ("--dry-run", "--distributed"): "plan for several hosts by --devices",
    }.items():
        with pytest.raises(SystemExit):
            main([*arguments(), *wrong])
        assert words in capsys.readouterr().err
