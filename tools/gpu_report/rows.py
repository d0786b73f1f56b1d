"""The rows of a report: what each measures, and in which order."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "rate", "train", "infer", "parts", "torch-train", "torch-infer", "torch-compiled", "torch-parts"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
CLASSES = 400  # of the text head: Kinetics-400's


@dataclass(frozen=True, kw_only=True)
class Row:
    """One process's work. size: of the model. batch: clips at a time. steps: that are timed.

    remat: of the training step of ila_jax; PyTorch keeps everything. profile: whether the step's
    time is also taken apart by named scopes. round: which of the report's repetitions it is of.
    """

    kind: Kind
    size: str
    frames: int
    batch: int
    dtype: str
    remat: str
    steps: int
    profile: bool = False
    round: int = 0

    @property
    def name(self) -> str:
        """Unique among the rows of a report."""
        again = f" round {self.round + 1}" if self.round else ""
        if self.kind == "rate":
            return f"rate {self.dtype}{again}"
        remat = f" remat={self.remat}" if self.kind == "train" else ""
        return f"{self.kind} {self.size} {self.frames}f b{self.batch} {self.dtype}{remat}{again}"

    def halved(self) -> "Row":
        """The same with half the batch, for a device whose memory was too small."""
        return dataclasses.replace(self, batch=self.batch // 2)


@dataclass(frozen=True)
class Load:
    """What fills a GPU of 80 GB by the plan of `--dry-run`, in bfloat16 with 8 frames.

    training, inference: clips at a time. remat: of the training step.
    """

    training: int
    remat: str
    inference: int


# Planned: B/32 52, B/16 53, L/14 49, L/14@336 55 GiB. Without remat, L/14 takes 11 GiB a clip.
LOADS = {
    "tiny": Load(4, "none", 4),
    "B/32": Load(64, "none", 128),
    "B/16": Load(16, "none", 64),
    "L/14": Load(16, "none", 64),
    "L/14@336": Load(8, "none", 32),
}


def planned(
    sizes: Sequence[str],
    kinds: Sequence[str],
    *,
    frames: int,
    batch: int | None,
    dtype: str,
    remat: str | None,
    steps: int,
    profile: bool,
    rounds: int = 1,
) -> list[Row]:
    """The rows of a report, the most telling first: whoever stops early has those.

    batch, remat: None takes those of LOADS. rounds: how often models take turns with PyTorch's;
    parts of a block and the profile are measured in the first alone.
    """

    def row(kind: Kind, size: str) -> Row:
        load = LOADS[size]
        trains = kind in ("train", "torch-train", "parts", "torch-parts")
        return Row(
            kind=kind,
            size=size,
            frames=frames,
            batch=batch or (load.training if trains else load.inference),
            dtype=dtype,
            remat=remat or load.remat,
            steps=steps,
            profile=profile and kind == "train",
        )

    # PyTorch first: ila_jax's process traces meanwhile.
    pairs: tuple[Kind, ...] = ("torch-train", "train", "torch-infer", "infer")
    parts: tuple[Kind, ...] = ("torch-parts", "parts")
    rows = [row("rate", sizes[0])]
    # The first two sizes whole, then their parts: without these nobody knows where time goes.
    rows += [row(kind, size) for size in sizes[:2] for kind in pairs]
    rows += [row(kind, size) for size in sizes[:1] for kind in parts]
    rows += [row(kind, size) for size in sizes[2:] for kind in pairs]
    rows += [row(kind, size) for size in sizes[1:2] for kind in parts]
    rows += [row("torch-compiled", size) for size in sizes[:2]]
    rows = [row for row in rows if row.kind in kinds]
    again = [row for row in rows if not row.kind.endswith("parts")]
    return rows + [
        dataclasses.replace(row, round=number, profile=False)
        for number in range(1, rounds)
        for row in again
    ]
