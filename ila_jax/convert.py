"""python -m ila_jax.convert: weights from PyTorch, and back."""

import argparse
import json
import sys
from pathlib import Path

from ila_jax import cli
from ila_jax.config import ModelConfig, model_from_dict, read_config
from ila_jax.data.class_names.classes import read_class_names
from ila_jax.files.publish import publish_on_disk, remove_partial
from ila_jax.files.writable import check_file
from ila_jax.text import templates
from ila_jax.weights.conversion import Wish, convert_file, summary
from ila_jax.weights.folder import check_free, load, save
from ila_jax.weights.inspection import inspect, table
from ila_jax.weights.state_dict import write_official
from ila_jax.weights.verification import verify

_SUFFIXES = (".safetensors", ".pth", ".pt")
_HELP = """\
Converts weights of CLIP, X-CLIP and ILA from PyTorch, and back. Which model a file holds is read
off its tensors; nothing in it is run.

  what is in a file:
    python -m ila_jax.convert --input ViT-B-32.pt --inspect
  a released ILA or X-CLIP, to be loaded by ila_jax.load("weights/ila"):
    python -m ila_jax.convert --input ILA_B32.pth --output weights/ila --class-names k400.txt
  CLIP into the model that a configuration trains:
    python -m ila_jax.convert --input ViT-B-32.pt --config k400/b32_8f \\
        --output weights/clip
    python -m ila_jax.train --config k400/b32_8f \\
        --config.initial.pretrained=weights/clip --workdir runs/mine
  CLIP as it is: plain CLIP over the frames of videos, of any classes
    python -m ila_jax.convert --input ViT-B-32.pt --output weights/plain_clip
    python -m ila_jax.predict weights/plain_clip a.mp4 --classes 'clapping hands,waving'
  is it right? Compared with PyTorch's own model, part by part:
    python -m ila_jax.convert --input ViT-B-32.pt --verify
  back to PyTorch, from a folder of weights or of a run:
    python -m ila_jax.convert --input runs/mine --to torch --output mine.safetensors
"""


def main(arguments: list[str] | None = None) -> None:
    parser = _parser()
    known = parser.parse_args(arguments)
    _check(parser, known)
    if known.inspect:
        facts = inspect(known.input, _config(known.config), entry=known.entry)
        print(json.dumps(facts, indent=2, default=str) if known.json else table(facts))
    elif known.to == "torch":
        _to_torch(known)
    else:
        _to_jax(known)


def _check(parser: argparse.ArgumentParser, known: argparse.Namespace) -> None:
    """Ends with a sentence when options do not go together: none is ignored."""
    if known.json and not known.inspect:
        parser.error("--json goes with --inspect")
    if known.output is None and not (known.inspect or known.verify):
        parser.error("--output is missing: the folder to write, or give --inspect or --verify")
    makes = ("class_names", "template", "frames", "resolution", "reset_head", "verify")
    others = {"--to torch": ("config", "entry", *makes), "--inspect": ("output", "force", *makes)}
    for mode, on in (("--to torch", known.to == "torch"), ("--inspect", known.inspect)):
        given = [f"--{o.replace('_', '-')}" for o in others[mode] if getattr(known, o)]
        if on and given:
            parser.error(f"{', '.join(given)} has no meaning with {mode}: leave it out")


def _to_jax(known: argparse.Namespace) -> None:
    if known.output is not None:
        check_free(Path(known.output).absolute(), force=known.force)
    names = None if known.class_names is None else read_class_names(known.class_names)
    wish = Wish(
        config=_config(known.config),
        frames=known.frames,
        resolution=known.resolution,
        reset_head=known.reset_head,
        class_names=names,
    )
    _say(f"reading {known.input}")
    conversion = convert_file(known.input, wish, entry=known.entry)
    recognizer = conversion.recognizer
    if known.template is not None:
        recognizer = recognizer.with_templates(templates.chosen(known.template))
    print(summary(conversion))
    if known.verify:
        _say("comparing")
        print(verify(conversion))
    if known.output is not None:
        _say(f"writing {known.output}")
        save(recognizer, known.output, force=known.force)
        print(f'wrote   {known.output}: ila_jax.load("{known.output}")')


def _to_torch(known: argparse.Namespace) -> None:
    """Writes a file of official names, whole or not at all."""
    target = Path(known.output)
    if target.exists() and not known.force:
        raise ValueError(f"{target} exists: give another name, or --force to replace it")
    if target.suffix not in _SUFFIXES:
        raise ValueError(f"{target} ends in {target.suffix!r}: expected {', '.join(_SUFFIXES)}")
    check_file(target)
    recognizer = load(known.input)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_partial(target.parent, target.name)  # gigabytes, where a kill left them
    count = publish_on_disk(target, lambda scratch: write_official(recognizer, scratch))
    print(f"wrote   {target}: {count} tensors under official names")


def _config(name: str | None) -> ModelConfig | None:
    """The model of a configuration file. Errors: ValueError."""
    if name is None:
        return None
    values = read_config(name)
    if "model" not in values:
        raise ValueError(f"{name} has no section model: expected a training configuration")
    return model_from_dict(values["model"])


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.convert",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--input",
        required=True,
        metavar="PATH",
        help="file, or folder of Hugging Face or open_clip, also hf://OWNER/NAME; with --to torch, "
        "a folder of weights or of a run (DIR@latest, DIR@STEP)",
    )
    add(
        "--entry",
        metavar="NAME",
        help="which model of a file that holds several: an entry (model_ema), or what its names "
        "begin with (teacher.); without it, the only one",
    )
    add(
        "--output",
        metavar="PATH",
        help="folder to write; with --to torch, a .safetensors or .pth file",
    )
    add(
        "--config",
        metavar="NAME",
        help="configuration, by name or file, whose model the weights go into; without "
        "it, the model that the file holds (CLIP alone: plain CLIP over 8 frames)",
    )
    add(
        "--class-names",
        metavar="FILE",
        help="names of the classes, one a line; stored with the "
        "weights. A text head needs them to tell classes apart",
    )
    templates.add_argument(parser)
    add(
        "--frames",
        type=int,
        metavar="T",
        help="another number of frames: the position embedding over time is interpolated linearly",
    )
    add(
        "--resolution",
        type=int,
        metavar="PIXELS",
        help="another resolution: the position embedding of the image is interpolated bicubically",
    )
    add(
        "--reset-head",
        action="store_true",
        help="a fresh linear head where the file's has another number of classes",
    )
    add(
        "--inspect",
        action="store_true",
        help="say what the file is, and write nothing; with "
        "--config, also what differs from its model",
    )
    add("--json", action="store_true", help="with --inspect: as JSON, keys in docs/weights.md")
    add(
        "--verify",
        action="store_true",
        help="compare with PyTorch's own model, block by block: a folder with what the library "
        "that wrote it makes of it (transformers, open_clip), CLIP and X-CLIP alone with "
        "transformers; else by a checksum there and back",
    )
    add("--to", choices=["jax", "torch"], default="jax", help="direction (default: jax)")
    add("--force", action="store_true", help="replace what is at --output")
    return parser  # fmt: skip


if __name__ == "__main__":
    cli.leave(cli.run(main))
