"""The time inside a compiled step, part by part: from a trace of it, by the model's named scopes.

A trace knows the operations of the optimised program; the program's text says which scopes of the
source each of them is from.
"""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# The first match in an operation's scopes names its part: alignments hold norms and convolutions,
# and blocks hold all of these.
PARTS = (
    ("interaction", r"/interaction/"),
    ("point prediction", r"/prediction/"),
    ("alignment, the rest", r"/alignment/"),
    ("matching", r"/matching/"),
    ("messages", r"/messages/"),
    ("attention over time", r"/time/"),
    ("attention", r"/attention/"),
    ("MLP", r"/mlp/"),
    ("blocks, the rest", r"/block\d+/"),
    ("multi-frame integration", r"/mit/"),
    ("head", r"/head/"),
    ("optimizer", r"/optimizer/"),
)
OTHER = "everything else"  # of the program: augmentation, losses, patches, the copying of states
UNKNOWN = "not in the program"  # copies between memories, and what the profiler cannot name

# Their time is that of the operations in them, which a CPU's trace names as well.
_CONTAINERS = re.compile(r"(while|call|conditional)(\.\d+)?")
_OPERATION = re.compile(r"^\s*(?:ROOT )?%?([\w.\-]+) = .*metadata=\{op_name=\"([^\"]*)\"")


class Operation(NamedTuple):
    """An operation as it ran: its name in its program, that one's name, and how long it took.

    program: None where the trace does not tell.
    """

    name: str
    seconds: float
    program: str | None = None


def seconds_by_part(folder: Path, program: str) -> dict[str, float]:
    """Seconds of each part in a trace, forward and backward apart, the largest first.

    folder: what `jax.profiler.trace` wrote. program: `as_text()` of the compiled step, which may
    be of several programs. Errors: ValueError for a folder without a trace.
    """
    programs = {name: scopes_of(text) for name, text in _programs(program)}
    # A kernel is named after its operation, with underscores for what its language does not allow.
    kernels = {
        name: {re.sub(r"\W", "_", operation): scopes for operation, scopes in known.items()}
        for name, known in programs.items()
    }
    total: dict[str, float] = defaultdict(float)
    for name, seconds, told in operations(folder):
        # Of a single program the operations are known without its name.
        of = next(iter(programs)) if len(programs) == 1 else told or ""
        scopes = programs.get(of, {}).get(name, kernels.get(of, {}).get(name))
        total[part_of_operation(scopes)] += seconds
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def _programs(text: str) -> Iterator[tuple[str, str]]:
    """The programs of a text, each with its name."""
    starts = [match.start() for match in re.finditer(r"^HloModule ", text, re.MULTILINE)] or [0]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        name = re.match(r"HloModule ([\w.\-]+)", text[start:end])
        yield (name[1] if name else "", text[start:end])


def scopes_of(program: str) -> dict[str, str]:
    """The scopes of each operation of a program that has any, by its name."""
    lines = (_OPERATION.match(line) for line in program.splitlines())
    return {match[1]: match[2] for match in lines if match}


def operations(folder: Path) -> list[Operation]:
    """What the devices of a trace did. Errors: ValueError without a trace."""
    with warnings.catch_warnings():
        # Python 3.13 warns of a type of jaxlib's; raised inside of jaxlib, that ends the process.
        warnings.filterwarnings("ignore", "builtin type event_", DeprecationWarning)
        return list(_operations(folder))


def _operations(folder: Path) -> Iterator[Operation]:
    import jax

    files = sorted(folder.rglob("*.xplane.pb"))
    if not files:
        raise ValueError(f"{folder} holds no trace: expected what jax.profiler.trace writes")
    planes = list(jax.profiler.ProfileData.from_file(str(files[-1])).planes)
    devices = [plane for plane in planes if plane.name.startswith("/device:")]
    # A CPU has no plane of its own: its operations are among the host's threads.
    for plane in devices or planes:
        for line in plane.lines:
            # Other lines of a GPU's plane say the same again by steps, modules or scopes.
            if not devices or line.name.startswith("Stream"):
                yield from _operations_of(line, everything=bool(devices))


def _operations_of(line: Any, *, everything: bool) -> Iterator[Operation]:
    """everything: also events that do not tell their operation, by their own names."""
    for event in line.events:
        stats = {key: str(value) for key, value in event.stats if key in ("hlo_op", "hlo_module")}
        told = stats.get("hlo_op")
        name = event.name if told is None and everything else told
        if name is not None and not _CONTAINERS.fullmatch(name):
            yield Operation(name, event.duration_ns / 1e9, stats.get("hlo_module"))


def part_of_operation(scopes: str | None) -> str:
    """The part that an operation is of, by its scopes as XLA has them: `jit(f)/jvp(mlp)/add`.

    None is `UNKNOWN`. What is of the pass backward has ", backward" behind.
    """
    if scopes is None:
        return UNKNOWN
    # The outermost scope of what is differentiated stands within JAX's word: jvp(head)/dot_general.
    inside = re.sub(r"[()]", "/", scopes) + "/"
    part = next((name for name, pattern in PARTS if re.search(pattern, inside)), OTHER)
    # JAX names the pass backward after the transposition that makes it.
    backward = "transpose(" in scopes and part != "optimizer"
    return f"{part}, backward" if backward else part
