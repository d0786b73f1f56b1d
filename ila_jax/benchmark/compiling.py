"""How long a program takes to compile: from nothing, and where it was kept by an earlier start."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.experimental.compilation_cache import compilation_cache


class Compiling(NamedTuple):
    """Seconds of tracing a program, of compiling it, and of reading it as compiled before.

    A start takes tracing and one of the others. cached: None where the program cannot be kept.
    """

    tracing: float
    cold: float
    cached: float | None


def compile_cold_and_cached(
    compiled: Callable[[], tuple[Any, float]],
) -> tuple[Any, Compiling]:
    """Compiles a program as a first start does and as a later one, and returns the first.

    compiled: traces and compiles it anew in each call; gives it, and the seconds of tracing.
    """
    with _empty_cache() as folder:
        (program, tracing), both = _timed(compiled)
        kept = _entries(folder)
        (_, again_traced), both_again = _timed(compiled)
        # Where the second start wrote more, it compiled: the first did not leave what it needs.
        again = not kept or _entries(folder) != kept
    cached = None if again else both_again - again_traced
    return program, Compiling(tracing, both - tracing, cached)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def _entries(folder: Path) -> set[Path]:
    return set(folder.glob("*-cache"))


@contextmanager
def _empty_cache() -> Iterator[Path]:
    """A folder of compiled programs that is empty, in place of the one in use."""
    config: Any = jax.config  # whose options have no types
    with tempfile.TemporaryDirectory() as folder:
        changes = {
            "jax_enable_compilation_cache": True,
            "jax_compilation_cache_dir": folder,
            # Programs that compile in less than a second are kept as well: those of small models.
            "jax_persistent_cache_min_compile_time_secs": 0,
        }
        before = {name: getattr(config, name) for name in changes}
        try:
            _use(changes)
            yield Path(folder)
        finally:
            _use(before)


def _use(changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        jax.config.update(name, value)
    # jax decides at the first compilation whether and where it keeps programs.
    compilation_cache.reset_cache()
