"""A folder that holds what README.md and docs/ take for granted, small: videos, runs, weights."""

import csv
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.data.sources import published
from tests.data.videos import H264, VP9, write_video
from tests.documented import ROOT
from tests.train.runs import SMALL, free_port

# One block from noise, a few steps: what is long otherwise is compiling.
TRAIN = {
    **{key: SMALL[key] for key in ("model.size", "model.shape", "model.channels")},
    "train.steps": 4,
    "train.batch": 8,
    "train.log_every": 1,
    "train.checkpoint_every": 4,
    "train.evaluate_every": 4,
    "optimizer.warmup_epochs": 0.1,
    "evaluation.batch": 8,
    "evaluation.time_order": False,
}
PAIRS = {"data.motion_pairs.train_clips": 64, "data.motion_pairs.validation_clips": 16}
ONE_VIEW = {"evaluation.clips": 1, "evaluation.crops": 1}
PAPER = TRAIN | ONE_VIEW | {
    "model.precision": "float32",
    "initial.pretrained": None,
    "initial.scratch": True,
}  # fmt: skip
K400 = {
    "data.root": "videos/k400",
    "data.train": "videos/k400/train.csv",
    "data.validation": "videos/k400/validate.csv",
}
KUBECTL = "| kubectl apply -f -"


def flags(values: dict[str, object]) -> str:
    """The overrides as a shell takes them."""
    return shlex.join(f"--config.{key}={value}" for key, value in values.items())


class Sandbox:
    """Runs command lines in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        python = folder / "bin/python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        (folder / "tools").symlink_to(ROOT / "tools")
        self.environment = os.environ | {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            # One device; nothing here looks at the speed of what is compiled.
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
        }

    def run(self, text: str) -> str:
        """What a command prints. Errors: AssertionError where its exit code is not 0."""
        beside = "\nwait $!" if "&\n" in text else ""  # whose code counts as well
        ended = subprocess.run(
            ["bash", "-ec", text + beside],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=1200,
        )
        assert ended.returncode == 0, f"{text}\nexit code {ended.returncode}\n{ended.stdout}"
        return ended.stdout

    def here(self, text: str) -> str:
        """A documented command with this folder's names in place of the placeholders."""
        text = re.sub(r"(?<![\w.])/videos/", f"{self.folder}/videos/", text)
        for placeholder, name in {
            "--input FILE": "--input given.safetensors",
            "RUN/checkpoints/latest/400": "runs/quickstart/checkpoints/latest/4",
            "localhost:7777": f"localhost:{free_port()}",
            KUBECTL: "> jobset.yaml",
        }.items():
            text = text.replace(placeholder, name)
        return text


def make(folder: Path) -> Sandbox:
    """All that the pages name and do not make."""
    sandbox = Sandbox(folder)
    sandbox.run(
        "python -m ila_jax.data.synthetic --output fresh --train-clips 80 --validation-clips 16"
    )
    _own_videos(folder)
    _k400(folder)
    _ssv2(folder)
    _published(folder)
    _weights(sandbox)
    train = "python -m ila_jax.train --config quickstart --workdir runs/quickstart"
    sandbox.run(f"{train} {flags(TRAIN | PAIRS)}")
    evaluate = "python -m ila_jax.evaluate --config quickstart --checkpoint runs/quickstart"
    sandbox.run(f"{evaluate} --output evaluations/one {flags(TRAIN | PAIRS)}")
    shutil.copytree(folder / "evaluations/one", folder / "evaluations/other")
    return sandbox


def _drawn(folder: Path, split: str) -> list[tuple[Path, int]]:
    """Files of the drawn set with their labels."""
    lines = (folder / f"fresh/{split}.txt").read_text().splitlines()
    parts = [line.rpartition(" ") for line in lines]
    return [(folder / "fresh" / path, int(label)) for path, _, label in parts]


def _names(folder: Path) -> list[str]:
    return (folder / "fresh/classes.txt").read_text().splitlines()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _own_videos(folder: Path) -> None:
    """Single files, and a folder for each of five classes."""
    names = _names(folder)
    for split, target in (("train", "train"), ("validation", "val")):
        for path, label in _drawn(folder, split):
            if label < 5:
                _copy(path, folder / f"videos/{target}" / names[label] / path.name)
                _copy(path, folder / "clips" / names[label] / f"{split}{path.name}")
    for name in ("a.mp4", "clip.mp4", "video.mp4"):
        write_video(folder / name, options=H264)
    for name, seconds in (("day.mp4", 30), ("joined.mp4", 5)):
        write_video(folder / name, options=H264, count=25 * seconds)
    (folder / "more/deep").mkdir(parents=True)
    write_video(folder / "more/deep/one.webm", codec="libvpx-vp9", options=VP9)
    (folder / "broken.mp4").write_bytes(b"no video")


def _k400(folder: Path) -> None:
    """Kinetics' own lists, and a folder of files for each class; also where its recipe looks."""
    root, names = folder / "videos/k400", _names(folder)
    for split, title in (("train", "train"), ("validation", "validate")):
        rows = [["label", "youtube_id", "time_start", "time_end", "split"]]
        for number, (path, label) in enumerate(_drawn(folder, split)):
            video = f"{split[0]}{number:010d}"
            rows.append([names[label], video, "0", "10", split])
            _copy(path, root / title / names[label] / f"{video}_000000_000010.mp4")
        with (root / f"{title}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    (folder / "data").mkdir()
    (folder / "data/k400").symlink_to(root)


def _ssv2(folder: Path) -> None:
    """Something-Something's JSON files and ID.webm."""
    root, names = folder / "videos/ssv2", _names(folder)
    (root / "labels").mkdir(parents=True)
    numbers = {name: str(number) for number, name in enumerate(names)}
    (root / "labels/labels.json").write_text(json.dumps(numbers))
    number = 0
    for split in ("train", "validation"):
        entries = []
        for path, label in _drawn(folder, split):
            number += 1
            entries.append({"id": str(number), "label": "", "template": names[label]})
            _copy(path, root / f"{number}.webm")  # of any container
        (root / f"labels/{split}.json").write_text(json.dumps(entries))


def _published(folder: Path) -> None:
    """Data sets by their authors' own lists, with drawn videos."""
    drawn = itertools.cycle(path for path, _ in _drawn(folder, "train"))
    for make_one, name in (
        (published.hmdb51, "hmdb51"),
        (published.ucf101, "ucf101"),
        (published.zsl220, "k600"),
    ):
        make_one(folder / name, draw=lambda path, _: _copy(next(drawn), path))


def _weights(sandbox: Sandbox) -> None:
    """A file of ILA and one of CLIP B/16 as OpenAI names it, and the folders they become."""
    folder = sandbox.folder
    sandbox.run(f"python -c '{_ILA}'")
    _clip_b16(folder / "ViT-B-16.pt")
    for name in ("names.txt", "k400.txt"):
        shutil.copy(folder / "fresh/classes.txt", folder / name)
    convert = "python -m ila_jax.convert"
    sandbox.run(f"{convert} --input given.safetensors --output weights/ila --class-names names.txt")
    sandbox.run(f"{convert} --input ViT-B-16.pt --output weights/clip")
    (folder / "weights/plain_clip").symlink_to("clip")


_ILA = """
from pathlib import Path
import ila_jax
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from ila_jax.weights.state_dict import official_state
write_safetensors(Path("given.safetensors"), official_state(ila_jax.create("tiny", frames=4)))
"""


def _clip_b16(path: Path) -> None:
    """Random numbers under the names and shapes of OpenAI's ViT-B-16.pt, in half precision."""
    import torch

    manifest = json.loads((ROOT / "tests/golden/manifest_xclip_b32_8f.json").read_text())
    new = ("message_", "mit.", "prompts_")  # X-CLIP's own
    shapes = {n: tuple(s) for n, s in manifest.items() if not any(part in n for part in new)}
    shapes["visual.conv1.weight"] = (768, 3, 16, 16)
    shapes["visual.positional_embedding"] = (197, 768)
    draw = torch.Generator().manual_seed(0)
    state = {n: 0.02 * torch.randn(shape, generator=draw).half() for n, shape in shapes.items()}
    torch.save(state, path)
