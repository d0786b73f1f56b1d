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
from ila_jax.weights.destinations import check_free

# The format is chosen by the end of the name.
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
    """Runs the command. Errors: ValueError, OSError; argparse ends it for wrong options."""
    parser = _parser()
    options, overrides = cli.parse_overrides(parser, arguments)
    options.overrides = overrides
    _check(parser, options)
    if options.inspect:
        _inspect(options)
    elif options.to == "torch":
        _to_torch(options)
    else:
        _to_jax(options)


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ends the command with a sentence where options do not go together."""
    if options.json and not options.inspect:
        parser.error("--json goes with --inspect")
    if options.output is None and not (options.inspect or options.verify):
        parser.error("--output is missing: the folder to write, or give --inspect or --verify")
    # Options that only mean something where a model is made.
    makes = ("class_names", "template", "frames", "resolution", "reset_head", "verify")
    others = {"--to torch": ("config", "entry", *makes), "--inspect": ("output", "force", *makes)}
    # An option that would be ignored is an error: its user expects it to do something.
    for mode, on in (("--to torch", options.to == "torch"), ("--inspect", options.inspect)):
        given = [f"--{o.replace('_', '-')}" for o in others[mode] if getattr(options, o)]
        if on and given:
            parser.error(f"{', '.join(given)} has no meaning with {mode}: leave it out")
    _check_overrides(parser, options)


def _check_overrides(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ends the command with a sentence where an override would be ignored."""
    for key, _ in options.overrides:
        if options.to == "torch":
            parser.error(f"--config.{key} has no meaning with --to torch: leave it out")
        if options.config is None:
            parser.error(f"--config.{key} changes a configuration: name it with --config")
        if not key.startswith("model."):
            parser.error(
                f"--config.{key} has no meaning here: of a configuration only the model is used, "
                "and --config.model.KEY=VALUE changes it"
            )


def _inspect(options: argparse.Namespace) -> None:
    """Says what a file is, and writes nothing."""
    config = _config(options)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.weights.inspection import inspect, table

    facts = inspect(options.input, config, entry=options.entry)
    print(json.dumps(facts, indent=2, default=str) if options.json else table(facts))


def _to_jax(options: argparse.Namespace) -> None:
    """Converts a file, compares it if asked to, and writes a folder of weights if asked to."""
    # Before minutes of reading: where the folder cannot be written, that is said at once.
    if options.output is not None:
        check_free(Path(options.output).absolute(), force=options.force)
    # Read before the weights, which are gigabytes: a list with a mistake is said at once.
    names = None if options.class_names is None else read_class_names(options.class_names)
    config = _config(options)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.weights.conversion import Target, convert_file, summary
    from ila_jax.weights.folder import save
    from ila_jax.weights.verification import verify

    target = Target(
        config=config,
        frames=options.frames,
        resolution=options.resolution,
        reset_head=options.reset_head,
        class_names=names,
    )
    _say(f"reading {options.input}")
    conversion = convert_file(options.input, target, entry=options.entry)
    recognizer = conversion.recognizer
    if options.template is not None:
        recognizer = recognizer.with_templates(templates.chosen(options.template))
    print(summary(conversion))
    if options.verify:
        _say("comparing")
        print(verify(conversion))
    if options.output is not None:
        _say(f"writing {options.output}")
        # Only what has passed the comparison is written.
        save(recognizer, options.output, force=options.force)
        print(f'wrote   {options.output}: ila_jax.load("{options.output}")')


def _to_torch(options: argparse.Namespace) -> None:
    """Writes a file of official names, whole or not at all."""
    target = Path(options.output)
    if target.exists() and not options.force:
        raise ValueError(f"{target} exists: give another name, or --force to replace it")
    # Checked before the model is loaded, as is the place to write to.
    if target.suffix not in _SUFFIXES:
        raise ValueError(f"{target} ends in {target.suffix!r}: expected {', '.join(_SUFFIXES)}")
    check_file(target)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.weights.folder import load
    from ila_jax.weights.state_dict import require_torch, write_official

    if target.suffix != ".safetensors":
        require_torch(f"writing {target.suffix}")
    recognizer = load(options.input)
    target.parent.mkdir(parents=True, exist_ok=True)
    # A kill may have left gigabytes of an earlier try.
    remove_partial(target.parent, target.name)
    count = publish_on_disk(target, lambda scratch: write_official(recognizer, scratch))
    print(f"wrote   {target}: {count} tensors under official names")


def _config(options: argparse.Namespace) -> ModelConfig | None:
    """The model of a configuration with its changes. Errors: ValueError."""
    name = options.config
    if name is None:
        return None
    values = read_config(name, options.overrides)
    if "model" not in values:
        raise ValueError(f"{name} has no section model: expected a training configuration")
    return model_from_dict(values["model"])


def _say(text: str) -> None:
    """Says on stderr what is being done: stdout is for the result."""
    print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("convert", _HELP)
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
        "it, the model that the file holds (CLIP alone: plain CLIP over 8 frames); "
        "--config.model.KEY=VALUE changes it, as in training",
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
    add("--json", action="store_true", help="with --inspect: as JSON, keys in weights.md")
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
