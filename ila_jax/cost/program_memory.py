"""The memory of a compiled program, as XLA accounts for it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ProgramMemory:
    """Bytes on each device. in_place: of those results that take an argument's place."""

    arguments: int
    results: int
    in_place: int
    temporary: int

    @property
    def fresh(self) -> int:
        """Bytes of the results that lie beside the arguments."""
        return self.results - self.in_place

    @property
    def working(self) -> int:
        """Bytes beside the arguments: intermediates, and results that take no argument's place."""
        return self.temporary + self.fresh

    @property
    def total(self) -> int:
        """Bytes that the program needs of a device."""
        return self.arguments + self.working


def program_memory(program: Any) -> ProgramMemory | None:
    """The account of what `jax.jit(…).lower(…).compile()` gives; None where XLA has none."""
    account = program.memory_analysis()
    if account is None:
        return None
    return ProgramMemory(
        int(account.argument_size_in_bytes),
        int(account.output_size_in_bytes),
        int(account.alias_size_in_bytes),
        int(account.temp_size_in_bytes),
    )
