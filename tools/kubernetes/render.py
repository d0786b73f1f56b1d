"""Prints the JobSet of a run or an evaluation on Kubernetes.

    python tools/kubernetes/render.py --name b16 --image REGISTRY/ila --hosts 4 --claim videos \\
        -- train --config k400/b16_8f --workdir /shared/runs/b16 … | kubectl apply -f -
    … -- evaluate --config … --checkpoint /shared/runs/b16 --output /shared/b16 | kubectl apply -f -

What follows -- goes to python -m ila_jax.train or ila_jax.evaluate in each pod, and is checked here
first. The image has ila_jax installed; the claim is mounted at /shared.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

from ila_jax import cli
from ila_jax.evaluate import __main__ as evaluate
from ila_jax.train import __main__ as train

_READ = {"train": train.read, "evaluate": evaluate.read}
_TEMPLATE = Path(__file__).with_name("jobset.yaml")
# Any free port will do; this is the one that jax itself takes on Kubernetes.
_PORT = 55527


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the JobSet, and returns the exit status. arguments: None takes the command line's."""
    return cli.run(lambda: print(_render(arguments), end=""))


def _render(arguments: Sequence[str] | None) -> str:
    words = list(sys.argv[1:] if arguments is None else arguments)
    split = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:split])
    command, *rest = words[split + 1 :] or [""]
    if command not in _READ:
        raise ValueError(f"after -- stands {command!r}: expected {' or '.join(_READ)}")
    # Pods have this name in the DNS, which allows 63 letters, with an index and more behind it.
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", options.name):
        raise ValueError(
            f"--name is {options.name!r}: expected up to 40 lower-case letters, digits and hyphens"
        )
    joined = [
        "--coordinator", f"{options.name}-host-0-0.{options.name}:{_PORT}",
        "--processes", str(options.hosts),
        "--process-id", "$(JOB_COMPLETION_INDEX)",
    ]  # fmt: skip
    # Kubernetes puts the number of the pod in place of the variable, which no parser takes for one.
    _READ[command]([*rest, *joined[:-1], "0"])
    values = vars(options) | {"arguments": [command, *joined, *rest]}
    # Every JSON value is a YAML value, too, so that nothing in the template needs to be quoted.
    return Template(_TEMPLATE.read_text()).substitute(
        {key: json.dumps(value) for key, value in values.items()}
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python tools/kubernetes/render.py",
        usage="%(prog)s --name NAME --image IMAGE --claim CLAIM [options] -- COMMAND …",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="of the JobSet")
    parser.add_argument("--image", required=True, help="with ila_jax, as Dockerfile makes it")
    parser.add_argument(
        "--claim", required=True, help="PersistentVolumeClaim that all hosts can write to"
    )
    parser.add_argument("--hosts", type=int, default=1, metavar="N", help="how many (1)")
    parser.add_argument("--gpus", type=int, default=8, metavar="N", help="of each host (8)")
    parser.add_argument("--cpus", type=int, default=64, metavar="N", help="of each host (64)")
    parser.add_argument(
        "--memory", default="256Gi", metavar="QUANTITY", help="of each host (256Gi)"
    )
    return parser


if __name__ == "__main__":
    cli.leave(main())
