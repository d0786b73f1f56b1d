"""The least time that a pass could take on this device, and which part keeps it from that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ila_jax.cost.by_scope import OTHER, UNKNOWN

# Above this share of what is possible, it is the device itself that limits, and no part.
_NEAR = 0.8
_BACKWARD, _REST = ", backward", ", the rest"  # as `by_scope` ends names


@dataclass(frozen=True)
class Rates:
    """What one device reaches here.

    matmul: FLOP/s of a large matrix product, in the model's precision. bandwidth: bytes a second
    that a large array is read and written with, both counted.
    """

    matmul: float
    bandwidth: float


@dataclass(frozen=True)
class Work:
    """What one device has to do in a pass, whatever the program.

    flops: of matrix products. size: bytes of all arguments and results, each of which is read or
    written once at least.
    """

    flops: float
    size: float

    def products(self, rates: Rates) -> float:
        """Seconds of the matrix products at the rate of a large one."""
        return self.flops / rates.matmul

    def transfers(self, rates: Rates) -> float:
        """Seconds of reading the arguments and writing the results."""
        return self.size / rates.bandwidth

    def floor(self, rates: Rates) -> float:
        """Seconds that the pass takes at least: products and transfers can be at the same time."""
        return max(self.products(rates), self.transfers(rates))


@dataclass(frozen=True)
class Part:
    """A part of a pass as traced. name: as `cost.by_scope` has it, forward and backward apart.

    seconds: of one device; on a CPU, what runs beside something else counts twice. flops: of one
    device, 0 where no matrices are multiplied.
    """

    name: str
    seconds: float
    flops: float


def parts_of(
    seconds: Mapping[str, float], macs: Mapping[str, int], *, clips: float, devices: int
) -> list[Part]:
    """The parts of a pass, the longest first.

    seconds: of all devices together. macs: of one clip forward, by part; a pass backward takes
    twice as many. clips: of one device.
    """
    parts = []
    for name, of_all in seconds.items():
        of_clip = macs.get(name.removesuffix(_BACKWARD), 0)
        flops = 2 * of_clip * clips * (2 if name.endswith(_BACKWARD) else 1)
        parts.append(Part(name, of_all / devices, flops))
    return parts


def limiter(what: str, seconds: float, work: Work, rates: Rates, parts: Sequence[Part]) -> str:
    """What keeps a pass from being faster, as a sentence.

    what: the pass, as "The step". seconds: by the clock. parts: none where nothing was traced.
    """
    share = work.floor(rates) / seconds
    if share >= _NEAR:
        return f"{what} is limited by {_device(work, rates)}: at its rate it takes {share:.0%}."
    if not parts:
        return (
            f"{what} is limited by neither matrix products nor bandwidth, which would take "
            f"{share:.0%} of it: by which part cannot be said without a trace."
        )
    traced = sum(part.seconds for part in parts)
    together = _forward_and_backward(parts)
    slowest = max(together, key=lambda part: _beyond(part, work, rates))
    idle = seconds - traced
    if idle > _beyond(slowest, work, rates):
        return (
            f"{what} is limited by gaps between operations: for {idle / seconds:.0%} of it none "
            "runs that the trace shows. On a busy machine, that is the time of other programs."
        )
    return (
        f"{what} is limited by {_article(slowest.name)}: {_seconds(slowest.seconds)} of "
        f"{_seconds(traced)} traced, {_reason(slowest, work, rates)}."
    )


def _device(work: Work, rates: Rates) -> str:
    of_memory = work.transfers(rates) > work.products(rates)
    return "the memory's bandwidth" if of_memory else "the device's matrix products"


def _forward_and_backward(parts: Sequence[Part]) -> list[Part]:
    """Each part with its pass backward."""
    sums: dict[str, Part] = {}
    for part in parts:
        name = part.name.removesuffix(_BACKWARD)
        before = sums.get(name, Part(name, 0.0, 0.0))
        sums[name] = Part(name, before.seconds + part.seconds, before.flops + part.flops)
    return list(sums.values())


def _beyond(part: Part, work: Work, rates: Rates) -> float:
    """Seconds that a part takes beyond what it would at the device's rates."""
    least = part.flops / rates.matmul
    # The state is what the optimizer reads and writes, and nearly all of a step's arguments.
    if part.name == "optimizer":
        least = work.transfers(rates)
    return part.seconds - least


def _reason(part: Part, work: Work, rates: Rates) -> str:
    if part.name == "optimizer" and work.size:
        times = part.seconds / work.transfers(rates)
        return f"{times:.1f} times what reading and writing the state takes"
    if not part.flops:
        return "and it multiplies no matrices"
    times = part.seconds * rates.matmul / part.flops
    return f"{times:.1f} times what its {part.flops / 1e9:.3g} GFLOP take in a large product"


def _article(name: str) -> str:
    if name in (OTHER, UNKNOWN):
        return f"what is in no part ({name})"
    if name.endswith(_REST):
        return f"the rest of the {name.removesuffix(_REST)}"
    return name if name.startswith("attention") else f"the {name}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
