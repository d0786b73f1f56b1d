"""python -m ila_jax.upload: uploads a model to the Hugging Face hub."""

import argparse
import sys
from collections.abc import Sequence

from ila_jax import cli

_HELP = """\
Uploads a model to the Hugging Face hub, with all that predicting needs: weights as safetensors,
class names, how it looks at a video, its temperature, and a page that describes it. Whoever may
read the repository loads it by its address. Nothing else of the run is sent: no video, no path.

  for you alone (the default), and for everybody:
    python -m ila_jax.upload runs/quickstart hf://OWNER/NAME
    python -m ila_jax.upload models/mine hf://OWNER/NAME --public
  over a model that is there already, whose history stays:
    python -m ila_jax.upload models/mine hf://OWNER/NAME --replace
  into a folder of this machine, to look at first:
    python -m ila_jax.upload models/mine shared/mine
  then, anywhere:
    python -m ila_jax.predict hf://OWNER/NAME video.mp4

The token is the one of `hf auth login`, or HF_TOKEN. Needs huggingface_hub: pip install
'ila-jax[hub]'. Of a folder of python -m ila_jax.finetune the page has its card.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _upload(arguments))


def _upload(arguments: Sequence[str] | None) -> None:
    options = _parser().parse_args(arguments)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.weights import hub_folder
    from ila_jax.weights.folder import load
    from ila_jax.weights.foreign import hub

    # Before the model is read, which takes longer.
    if options.target.startswith(hub.PREFIX):
        hub_folder.check_pushable(options.target, replace=options.replace)
    else:
        hub_folder.check_savable(options.target, force=options.replace)
    model, card = load(options.checkpoint), _card(options.checkpoint)
    # Hashing and writing take seconds; what is sent has the library's own bar.
    print(f"writing {options.target}", file=sys.stderr)
    if not options.target.startswith(hub.PREFIX):
        hub_folder.save(model, options.target, force=options.replace, card=card)
        print(f"wrote {options.target}")
        return
    address = hub_folder.push(
        model, options.target, public=options.public, replace=options.replace, card=card
    )
    print(f"uploaded: {address}")


def _card(checkpoint: str) -> str:
    """The card of a fine-tuning, where the checkpoint is the best of its run."""
    from ila_jax.weights.folder import folder_and_checkpoint

    folder, which = folder_and_checkpoint(checkpoint)
    card = folder.parent / "card.md"
    # What it measured holds neither for the weights that it started from nor for another step.
    is_of_card = folder.name == "run" and which in ("", "best")
    if is_of_card and card.is_file() and card.with_name("finetune.json").is_file():
        return card.read_text(encoding="utf-8")
    return ""


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("upload", _HELP)
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add("target", metavar="TARGET", help="hf://OWNER/NAME, or a folder to be made")
    add("--public", action="store_true", help="let everybody read a repository that is made")
    add("--replace", action="store_true", help="replace the model that is there")
    return parser


if __name__ == "__main__":
    cli.leave(main())
