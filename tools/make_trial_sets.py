"""Makes a data set that looks like Kinetics-400 on disk, and one like Something-Something v2.

Annotations, file names, containers, frame sizes and damages are like those of the real sets. The
clips show motion pairs (`ila_jax.data.synthetic`) and last one or two seconds.

    python tools/make_trial_sets.py --output data/trial --clips 2000

k400/ then holds train.csv, validate.csv and videos/SPLIT/CLASS/ID_START_END.mp4, and ssv2/ holds
labels.json, train.json and validation.json in labels/, and videos/ID.webm. Of each 99 files one is
missing, and one is cut off in the middle.
"""

import argparse
import csv
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm

from ila_jax import cli
from ila_jax.data.synthetic.motion import CLASSES, draw_clip
from ila_jax.data.workers import pool
from ila_jax.data.workers.pool import Loss

# As configs/ssv2 have; the classes after the eight motions have no videos.
SSV2_CLASSES = 174


@dataclass(frozen=True)
class Look:
    """How the files of a set are encoded. size: (width, height) in pixels."""

    size: tuple[int, int]
    codec: str
    options: dict[str, str]


# One key frame a clip, as files from the internet have them.
LOOKS = {
    "k400": Look((340, 256), "libx264", {"crf": "23", "preset": "veryfast"}),
    "ssv2": Look(
        (427, 240), "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "0"}
    ),
}


@dataclass(frozen=True)
class Clip:
    """A file to draw. index: its number, which decides what it shows. look: a key of `LOOKS`."""

    index: int
    path: str
    look: str

    @property
    def label(self) -> int:
        """Number of the class: the eight motions take turns."""
        return self.index % len(CLASSES)


def main() -> None:
    """Makes both sets. Errors: ValueError where the output folder exists; OSError."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--clips", type=int, default=2000, help="of each set (%(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="(%(default)s)")
    args = parser.parse_args()
    output = Path(args.output)
    if output.exists():
        raise ValueError(f"{output} exists: name a folder that does not, or delete it")
    clips = [
        *_kinetics(output / "k400", args.clips),
        *_something(output / "ssv2", args.clips),
    ]
    for folder in {Path(clip.path).parent for clip in clips}:
        folder.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(clips), desc="drawing", unit="clip", disable=None) as progress:
        for _ in pool.run(
            _write, clips, processes=args.processes, limit=600, progress=progress.update
        ):
            pass


def _split(index: int) -> str:
    # 8 of 40 are one in five, and as there are eight classes in turn, each class gets as many.
    return "validation" if index % 40 >= 32 else "train"


def _kinetics(folder: Path, count: int) -> list[Clip]:
    folder.mkdir(parents=True)
    clips = []
    rows: dict[str, list[tuple[str | int, ...]]] = {"train": [], "validate": []}
    for index in range(count):
        name, split = CLASSES[index % len(CLASSES)], _split(index)
        video, start = f"trial{index:06d}", 7 * index % 300
        file = f"{video}_{start:06d}_{start + 10:06d}.mp4"
        path = folder / "videos" / split / name.replace(" ", "_") / file
        clips.append(Clip(index, str(path), "k400"))
        word = "validate" if split == "validation" else split  # as in the benchmark's own lists
        rows[word].append((name, video, start, start + 10, word))
    for split, lines in rows.items():
        with open(folder / f"{split}.csv", "w", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(("label", "youtube_id", "time_start", "time_end", "split"))
            writer.writerows(lines)
    return clips


def _something(folder: Path, count: int) -> list[Clip]:
    (folder / "labels").mkdir(parents=True)
    templates = [f"{name.capitalize()} of [something]" for name in CLASSES]
    names = [template.replace("[something]", "something") for template in templates]
    # The configurations expect all 174 classes, whether they have videos or not.
    names += [f"Class {k} without videos" for k in range(len(names), SSV2_CLASSES)]
    labels = {name: str(k) for k, name in enumerate(names)}
    (folder / "labels/labels.json").write_text(json.dumps(labels, indent=1))
    clips = []
    entries: dict[str, list[dict[str, object]]] = {"train": [], "validation": []}
    for index in range(count):
        clip = Clip(index, str(folder / "videos" / f"{index + 1}.webm"), "ssv2")
        template = templates[clip.label]
        label = template.replace("[something]", "a toy")
        entry: dict[str, object] = {
            "id": str(index + 1),
            "label": label,
            "template": template,
            "placeholders": ["a toy"],
        }
        entries[_split(index)].append(entry)
        clips.append(clip)
    for split, listed in entries.items():
        (folder / f"labels/{split}.json").write_text(json.dumps(listed))
    return clips


def _write(clip: Clip, skip: Mapping[int, Loss], begin: Callable[[int], None]) -> None:
    """Draws and encodes a clip, unless it is to be missing."""
    begin(clip.index)
    if clip.index % 99 == 50:
        return
    look = LOOKS[clip.look]
    drawn = draw_clip(np.random.default_rng([7, clip.index]), label=clip.label, size=look.size)
    with av.open(clip.path, "w") as container:
        rate = Fraction(drawn.rate)
        stream = container.add_stream(look.codec, rate=rate, options=look.options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = look.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # the processes share the cores already
        for image in drawn.frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if clip.index % 99 == 51:
        os.truncate(clip.path, os.path.getsize(clip.path) // 2)


if __name__ == "__main__":
    cli.leave(cli.run(main))
