"""A training that does not fit is changed to one that does, unless the user has said how."""

import dataclasses
from types import SimpleNamespace

import pytest

from ila_jax.config import from_config, read_config
from ila_jax.finetune import memory
from ila_jax.train.dry_run.report import Machine

GIB = 1 << 30


def plan(config, gib, **changes):
    return SimpleNamespace(
        config=dataclasses.replace(
            config,
            train=dataclasses.replace(config.train, accumulation=changes.get("accumulation", 1)),
            model=dataclasses.replace(config.model, remat=changes.get("remat", "none")),
            mesh=dataclasses.replace(config.mesh, fsdp=changes.get("fsdp", 1)),
        ),
        memory=SimpleNamespace(total=gib * GIB),
    )


@pytest.fixture
def config():
    return from_config(read_config("quickstart"))


@pytest.fixture
def fit(config, monkeypatch):
    """fit(configured, fitting, *asked): what is made of two plans; of 8 GiB a run takes 6."""

    def fit(configured, fitting, *asked):
        planner = SimpleNamespace(as_configured=lambda: configured, fitting=lambda limit: fitting)
        monkeypatch.setattr(memory, "Planner", lambda recipe, devices: planner)
        monkeypatch.setattr(memory.report, "planned_recipe", lambda config, data: None)
        return memory.fit_memory(config, set(asked), "8GiB", videos=64, classes=2)

    return fit


def test_what_fits_stays(config, fit):
    fitted, decision = fit(plan(config, 6), None)
    assert fitted is config
    assert decision.value == "accumulation 1, remat none"
    assert (
        decision.reason == "the quickest that fits the 6.00 GiB of a device: 6.00 GiB, an estimate"
    )


def test_what_does_not_fit_takes_the_plan_and_keeps_its_lengths(config, fit):
    fitted, decision = fit(plan(config, 9), plan(config, 6, accumulation=4, remat="block", fsdp=-1))
    assert (fitted.train.accumulation, fitted.model.remat, fitted.mesh.fsdp) == (4, "block", -1)
    assert dataclasses.replace(fitted.train, accumulation=1) == config.train
    assert decision.value == "accumulation 4, remat block"
    assert "fits the 6.00 GiB of a device: 6.00 GiB" in decision.reason


def test_what_the_user_has_said_is_not_changed(config, fit):
    fitted, decision = fit(plan(config, 9), plan(config, 6), "model.remat")
    assert fitted is config
    assert decision.reason == "as you asked; 9.00 GiB may not fit the 6.00 GiB of a device"
    assert fit(plan(config, 5), None, "mesh.fsdp")[1].reason.startswith("as you asked; it fits")


def test_nothing_fits(config, fit):
    with pytest.raises(
        ValueError, match=r"nothing that was tried fits the 6.00 GiB of a device: 9"
    ):
        fit(plan(config, 9), None)


def test_a_processor_shares_half_of_the_machines_memory(monkeypatch):
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PHYS_PAGES": 1 << 20, "SC_PAGE_SIZE": 4096}.get)
    limit, words = memory._limit(Machine(2, None, True, "two of a processor"))
    assert limit == GIB
    assert words == "1.00 GiB, half of this machine's memory"
