"""What makes a run fit its devices: parts of a batch, blocks computed again, split weights."""

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from ila_jax.config import Config
from ila_jax.job.sharding import planned_mesh
from ila_jax.train.dry_run.kept import Kept, traced
from ila_jax.train.dry_run.memory import Memory, memory
from ila_jax.train.recipe import Recipe
from ila_jax.train.start import abstract_state

# From the quickest: blocks that are computed again cost time, parts of a batch hardly any.
_REMAT = ("none", "dots", "block")


@dataclass(frozen=True)
class Plan:
    """A configuration, and what a device holds under it.

    clips: how many of them a device computes at a time, in one part of its batch.
    """

    config: Config
    memory: Memory
    clips: int

    @property
    def overrides(self) -> list[str]:
        """The arguments by which a user gets this plan."""
        return [
            f"--config.train.accumulation={self.config.train.accumulation}",
            f"--config.model.remat={self.config.model.remat}",
            f"--config.mesh.fsdp={self.config.mesh.fsdp}",
        ]


class Planner:
    """Plans runs of one model. It remembers what was traced, which takes seconds."""

    def __init__(self, recipe: Recipe, devices: int):
        self.recipe, self.devices = recipe, devices
        self._state = abstract_state(recipe)
        self._traced = functools.cache(self._trace)

    def plan(self, *, accumulation: int, remat: str, fsdp: int) -> Plan:
        """What a device holds. Errors: ValueError for an fsdp that does not divide the devices."""
        # What is kept for the backward pass depends on remat alone: it is traced once for each.
        recipe = self._recipe(accumulation=accumulation, remat=remat, fsdp=fsdp)
        mesh = planned_mesh(self.devices, fsdp=fsdp)
        # A block that is computed again takes, for that moment, what it would have kept without.
        again = None if remat == "none" else self._traced("none")
        clips = -(-recipe.config.train.batch // (self.devices * accumulation))
        need = memory(recipe, self._state, mesh, self._traced(remat), again)
        return Plan(recipe.config, need, clips)

    def as_configured(self) -> Plan:
        """What a device holds with the configuration as it is. Errors: as `plan`."""
        config = self.recipe.config
        return self.plan(
            accumulation=config.train.accumulation,
            remat=config.model.remat,
            fsdp=config.mesh.fsdp,
        )

    def fitting(self, limit: float) -> Plan | None:
        """The first plan that takes no more than a limit in bytes, or None.

        Tried in this order: the weights as configured, then split over all devices; of these, from
        nothing computed again to whole blocks; of these, from the whole batch at once to the
        smallest parts, of two clips a device.
        """
        config = self.recipe.config
        # What costs the most time comes last: split weights have to be sent in every step.
        for fsdp in dict.fromkeys((config.mesh.fsdp, -1)):
            for remat in _REMAT:
                for accumulation in accumulations(config.train.batch, self.devices):
                    plan = self.plan(accumulation=accumulation, remat=remat, fsdp=fsdp)
                    if plan.memory.total <= limit:
                        return plan
        return None

    def _trace(self, remat: str) -> Kept:
        # What is kept for a clip depends neither on the parts nor on where weights lie.
        return traced(self._recipe(remat=remat, accumulation=1, fsdp=1))

    def _recipe(self, *, remat: str, accumulation: int, fsdp: int) -> Recipe:
        config, replace = self.recipe.config, dataclasses.replace
        config = replace(
            config,
            model=replace(config.model, remat=remat),
            train=replace(config.train, accumulation=accumulation),
            mesh=replace(config.mesh, fsdp=fsdp),
        )
        return replace(self.recipe, config=config)


def accumulations(batch: int, devices: int) -> Iterator[int]:
    """Numbers of parts that leave each device pairs of clips, which are mixed, from the fewest."""
    # Where the devices cannot share the batch in pairs there is no such number.
    pairs, rest = divmod(batch, 2 * devices)
    return (n for n in range(1, pairs + 1) if not rest and pairs % n == 0)
