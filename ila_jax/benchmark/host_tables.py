"""What is said of the loader and of decoders: their tables, and the loader's JSON."""

import dataclasses
from collections.abc import Mapping

from ila_jax.benchmark.decoders import Comparison
from ila_jax.benchmark.loader import Throughput
from ila_jax.files.counts import count_of
from ila_jax.tables import Table

# The parts of `loader.PARTS` as tables name them.
_NAMES = {
    "read": "read the file",
    "decode": "decode",
    "crop_resize": "crop and resize",
    "batch": "batch",
    "to_device": "host to device",
}


def data_json(throughput: Throughput, device_rate: float | None) -> dict[str, object]:
    """What is measured and what follows from it, by the keys that loader.md names."""
    values = dataclasses.asdict(throughput) | {
        "outside_decode": throughput.outside_decode,
        "rate_per_core": throughput.rate_per_core,
        "limit": throughput.limit,
    }
    if device_rate is not None:
        values |= {
            "device_rate": device_rate,
            "cores_for_device": throughput.cores_for(device_rate),
        }
    return values


def data_table(throughput: Throughput, device_rate: float | None) -> Table:
    """The parts of the way from file to device, and what limits it in notes."""
    cells = [
        [_NAMES[part], f"{1e3 * seconds:.2f}", f"{1 / seconds:.0f}"]
        for part, seconds in throughput.seconds.items()
    ]
    how = (
        f"{throughput.threads} threads, {throughput.processes} processes, {throughput.cores} cores"
    )
    # Seconds of a core add up over cores, those by the clock do not: the notes say which is which.
    notes = [
        f"Outside of decoding the host spends {throughput.outside_decode:.1%} of the time of "
        "decoding.",
        f"By the clock ({how}): decoding alone {throughput.decode_rate:.1f} clips/s, end to end "
        f"{throughput.end_to_end_rate:.1f}, which is {throughput.ratio:.0%} of it.",
        f"The limit on this machine: {_NAMES[throughput.limit]}.",
        f"A core feeds {throughput.rate_per_core:.1f} clips/s.",
    ]
    if throughput.unreadable:
        notes.append(
            f"{throughput.unreadable} of {throughput.clips} videos could not be read: "
            "python -m ila_jax.data.check names them."
        )
    if device_rate is not None:
        notes.append(_feeding(throughput.cores_for(device_rate), device_rate))
    title = f"{throughput.clips} training clips, one at a time on one core"
    return Table(title, ["part", "ms a clip", "clips/s"], cells, notes)


def _feeding(cores: int | None, clips_per_second: float) -> str:
    """How many cores feed devices that train on so many clips a second, as a sentence."""
    if cores is None:
        return (
            f"No number of cores of one host feeds {clips_per_second:g} clips/s: batching and the "
            "transfer to the device, which one thread does, are slower than that. Train on several "
            "hosts."
        )
    return f"{clips_per_second:g} clips/s need {count_of(cores, 'core', 'cores')} like these."


def decoders_table(comparison: Comparison, frames: int, versions: Mapping[str, str]) -> Table:
    """What each reader takes of the sequential one's time, file by file.

    frames: that were read of each file. versions: by package.
    """
    # Ratios, since seconds are of this machine, and what is compared is the decoders.
    ratios = comparison.ratios()
    names = list(next(iter(ratios.values())))
    cells = [
        [
            file,
            f"{comparison.files[file] / 1e3:.0f}",
            f"{1e3 * comparison.seconds[file]['sequential']:.1f}",
        ]
        + [f"{ratios[file][name]:.2f}" for name in names if name != "sequential"]
        for file in ratios
    ]
    header = ["10 s of H.264", "kB", "sequential PyAV, ms"]
    header += [f"{name} / sequential" for name in names if name != "sequential"]
    title = f"{frames} frames of each video, on one core"
    read_by = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Table(title, header, cells, [f"Seconds of a core, the least of all rounds; {read_by}."])
