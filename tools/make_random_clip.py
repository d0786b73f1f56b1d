"""Makes a file of CLIP, both towers, whose weights are random numbers.

    python tools/make_random_clip.py --output weights/ViT-tiny.safetensors
    python tools/make_random_clip.py --size B/16 --output weights/ViT-B-16.pt

It is for rehearsals where CLIP's own weights cannot be had: a file with OpenAI's names, which
`python -m ila_jax.convert` reads as it reads theirs. It has learnt nothing, so that no name and no
accuracy that comes of it means anything. A .pt or .pth file needs PyTorch, .safetensors does not.
"""

import argparse
from collections.abc import Sequence

from ila_jax import cli
from ila_jax.files.publish import publish_on_disk
from ila_jax.origin import Origin
from ila_jax.sizes import SIZES
from ila_jax.weights.create import create
from ila_jax.weights.state_dict import require_torch, write_official


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the file, and returns the exit status. arguments: None takes the command line's."""
    return cli.run(lambda: _write(_parser().parse_args(arguments)))


def _write(options: argparse.Namespace) -> None:
    if options.output.suffix not in (".safetensors", ".pt", ".pth"):
        raise ValueError(
            f"--output is {options.output}: expected a name that ends in .safetensors, .pt or .pth"
        )
    if options.output.exists():
        raise ValueError(f"{options.output} exists: name another file, or remove it")
    if options.output.suffix != ".safetensors":
        require_torch(f"writing {options.output.suffix}")
    # What a file of CLIP has is in every model with a text head, whose other parts are left out.
    clip = create(options.size, "spatial", seed=options.seed)
    clip.origin = Origin(kind="clip")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    count = publish_on_disk(options.output, lambda scratch: write_official(clip, scratch))
    print(f"written: {options.output}, {count} tensors of random numbers")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python tools/make_random_clip.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=cli.some_path, required=True, metavar="FILE")
    parser.add_argument(
        "--size", choices=SIZES, default="tiny", help="of both towers (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    cli.leave(main())
