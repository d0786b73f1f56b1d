"""Programs that are compiled one after the other, each for what the one before gives."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from ila_jax.cost.program_memory import ProgramMemory, program_memory
from ila_jax.job.sharding import shape_on


class MemoryAccount(NamedTuple):
    """Bytes on each device, by the names that a compiled program of jax has for them."""

    argument_size_in_bytes: int
    output_size_in_bytes: int
    alias_size_in_bytes: int
    temp_size_in_bytes: int


class Programs:
    """Compiled programs by name, which functions of shapes and functions of arrays call alike.

    Called with shapes a program is compiled and gives shapes; called with arrays it runs.

    options: of the compiler. waits: whether a call ends when its program has run. A CPU would give
    all programs that are called their memory at once.
    """

    def __init__(self, options: dict[str, str], *, waits: bool):
        self._options, self._waits = options, waits
        self._programs: dict[str, tuple[Any, Any]] = {}
        self.calls: list[str] = []  # of shapes, in their order
        self.compiling = 0.0  # seconds

    def __call__(
        self,
        name: str,
        function: Callable[..., Any],
        *arguments: Any,
        out_shardings: Any = None,
        donate: tuple[int, ...] = (),
    ) -> Any:
        """The results of a function, which is the same in all calls of a name.

        out_shardings: of the results, or of the trees of them that come first; None leaves one to
        the compiler. donate: which arguments give their memory to the results.
        """
        if not any(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree.leaves(arguments)):
            results = self._programs[name][0](*arguments)
            return jax.block_until_ready(results) if self._waits else results
        self.calls.append(name)
        if name not in self._programs:
            lowered = jax.jit(
                _named(name, function),
                out_shardings=out_shardings,
                donate_argnums=donate,
                compiler_options=self._options,
            ).lower(*arguments)
            begin = time.perf_counter()
            program = lowered.compile()
            self.compiling += time.perf_counter() - begin
            shapes = jax.tree.map(shape_on, lowered.out_info, program.output_shardings)
            self._programs[name] = program, shapes
        return self._programs[name][1]

    def program(self, name: str) -> Any:
        """What was compiled by a name."""
        return self._programs[name][0]

    def results(self, name: str) -> Any:
        """The shapes of what it gives."""
        return self._programs[name][1]

    def as_text(self) -> str:
        """The optimised programs, one after the other."""
        return "\n".join(program.as_text() for program, _ in self._programs.values())


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function by another name, which its program has in traces."""

    def named(*arguments: Any) -> Any:
        return function(*arguments)

    named.__name__ = named.__qualname__ = name
    return named


def shape_of(x: Any) -> jax.ShapeDtypeStruct:
    """An array's shape, and where it lies."""
    return shape_on(x, x.sharding)


def memory_account(programs: Programs, given: Any, *, state: Any) -> MemoryAccount:
    """Bytes of a step that is called with what is given, of which the state is taken over.

    What a forward pass gives is freed by its backward pass, and gradients of a part of the batch by
    those of all parts so far. All else is held to the end of the step.
    """
    of_state = _size(state)
    in_use = max(size for size, _, _ in _moments(programs))
    return MemoryAccount(_size(given), of_state, of_state, in_use)


def at_peak(programs: Programs) -> tuple[Any, list[Any]]:
    """The program that runs when most memory is in use, and what others have given that is held."""
    _, name, held = max(_moments(programs), key=lambda moment: moment[0])
    return programs.program(name), jax.tree.leaves([programs.results(name) for name in held])


def _moments(programs: Programs) -> Iterator[tuple[int, str, list[str]]]:
    """Of each call: bytes in use beside what is given, its name, and whose results are held."""
    # Once a program, which is called for all blocks that are alike.
    memory = {name: _memory(programs.program(name)) for name in set(programs.calls)}
    held: list[str] = []
    for name in programs.calls:
        of_others = sum(memory[other].fresh for other in held)
        yield of_others + memory[name].working, name, list(held)
        held.append(name)
        if name in ("share", "add"):
            held = ["share"]  # into whose memory all other parts are added
        elif name.endswith("_backward"):
            held.remove(name.replace("_backward", "_forward"))


def _memory(program: Any) -> ProgramMemory:
    return program_memory(program) or ProgramMemory(0, 0, 0, 0)


def _size(tree: Any) -> int:
    """Bytes of arrays on a device."""
    return sum(
        math.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize for x in jax.tree.leaves(tree)
    )
