"""Makes a training fit the memory, by the planner of `train --dry-run`."""

import os

from ila_jax.config import Config
from ila_jax.finetune.decisions import ASKED, Decision
from ila_jax.train.dry_run import report
from ila_jax.train.dry_run.plan import Plan, Planner
from ila_jax.train.dry_run.report import KnownData, Machine
from ila_jax.train.dry_run.tables import size

# What fitting changes: where one of them was asked for, nothing is changed.
_FITTED = ("train.accumulation", "model.remat", "mesh.fsdp")


def fit_memory(
    config: Config, asked: set[str], device_memory: str | None, *, videos: int, classes: int
) -> tuple[Config, Decision]:
    """The configuration with the accumulation, remat and fsdp under which a step fits.

    asked: keys that the user has set. videos: to train on. Errors: ValueError where nothing fits.
    """
    machine = report.machine(None, device_memory)
    limit, words = _limit(machine)
    recipe = report.planned_recipe(config, KnownData(videos, classes, ()))
    planner = Planner(recipe, machine.devices)
    plan = planner.as_configured()
    if plan.memory.total <= limit or asked.intersection(_FITTED):
        return config, _decision(plan, limit, words, asked=bool(asked.intersection(_FITTED)))
    fitting = planner.fitting(limit)
    if fitting is None:
        raise ValueError(
            f"nothing that was tried fits {words}: {size(plan.memory.total)} are needed with "
            f"--batch {config.train.batch}. Take a smaller model, fewer --frames, or a smaller "
            "--batch; or say how much there is by --device-memory"
        )
    return _with_plan(config, fitting), _decision(fitting, limit, words, asked=False)


def _limit(machine: Machine) -> tuple[float, str]:
    """Bytes that a device may take, and what that is in words."""
    if machine.memory is not None:
        return machine.memory, f"the {size(machine.memory)} of a device"
    # A processor tells no memory of its own: its devices share the machine's, half of it at most.
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    share = whole / 2 / machine.devices
    return share, f"{size(share)}, half of this machine's memory"


def _with_plan(config: Config, plan: Plan) -> Config:
    """The configuration, whose lengths stay as they are, with what the plan has found."""
    from dataclasses import replace

    return replace(
        config,
        model=replace(config.model, remat=plan.config.model.remat),
        train=replace(config.train, accumulation=plan.config.train.accumulation),
        mesh=plan.config.mesh,
    )


def _decision(plan: Plan, limit: float, words: str, *, asked: bool) -> Decision:
    config, total = plan.config, plan.memory.total
    value = f"accumulation {config.train.accumulation}, remat {config.model.remat}"
    if total > limit:
        return Decision("memory", value, f"{ASKED}; {size(total)} may not fit {words}")
    why = f"{ASKED}; it" if asked else "the quickest that"
    return Decision("memory", value, f"{why} fits {words}: {size(total)}, an estimate")
