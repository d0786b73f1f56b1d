"""Compares what models look at with where the object is: python -m ila_jax.pictures.measure."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.tables import Table, render

if TYPE_CHECKING:
    from ila_jax.pictures.moving_objects import Mean, ObjectMeasures

_HELP = """\
Measures on motion pairs, where the box of the moving object is known, what pictures of a trained
model only suggest: the share of heat (the norm of the patches' tokens) on the object, how far ILA's
interactive points are from it, and the share of mask weight on it. pictures.md says how each
is counted.

  a run of the quickstart, on its validation clips:
    python -m ila_jax.pictures.measure runs/quickstart --data data/motion_pairs
  three temporal models of a comparison, as JSON:
    python -m ila_jax.pictures.measure --data data/motion_pairs --json \\
        runs/comparison/divided/seed0,runs/comparison/ata/seed0,runs/comparison/ila/seed0
"""
_INTERVAL = "±: half of the 95 % interval over clips."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _measure(_parser().parse_args(arguments)))


def _measure(options: argparse.Namespace) -> None:
    names = [name.strip() for name in options.checkpoints.split(",")]
    # Before the models are loaded, and jax: a folder without motion pairs is an error at once.
    from ila_jax.pictures.scenes import count_scenes, read_scenes

    count = count_scenes(options.data)
    from ila_jax.pictures.model_view import titles
    from ila_jax.pictures.moving_objects import measure
    from ila_jax.weights.folder import load

    recognizers = [load(name) for name in names]
    measured = []
    with cli.progress(count * len(names)) as progress:
        for title, recognizer in zip(titles(names, recognizers), recognizers, strict=True):
            # Read for each model, whose clips have a size and a number of frames of their own.
            scenes = read_scenes(options.data, recognizer.views.recipe, progress)
            measured.append(measure(title, recognizer, scenes))
    if options.json:
        print(json.dumps([asdict(of_model) for of_model in measured], indent=2))
    else:
        print(render(tables(measured), markdown=options.markdown))


def tables(models: "Sequence[ObjectMeasures]") -> list[Table]:
    """Tables of heat, and of points and masks where a model has them."""
    all_tables = [_heat(models)]
    if any(model.points for model in models):
        all_tables += [_points(models), _masks(models)]
    return all_tables


def _heat(models: "Sequence[ObjectMeasures]") -> Table:
    """The share of heat on the object, and the share of the frame that the object takes."""
    cells = [
        [model.title, str(heat.block), _percent(heat.share), _times(heat.share, heat.area),
         _percent(heat.contrast), _times(heat.contrast, heat.area), _percent(heat.area)]
        for model in models
        for heat in model.heat
    ]  # fmt: skip
    header = ["model", "block", "heat %", "of equal", "above the lowest %", "of equal", "area %"]
    notes = [
        "heat: the share of the norms of the patches' tokens that is on the box of the object. "
        "above the lowest: the same of what exceeds the clip's lowest norm, which is what colours "
        "show.",
        "area: the share of the frame that the box takes; of equal: heat as many times that.",
        _INTERVAL,
    ]
    return Table(f"Heat on the moving object, {models[0].clips} clips", header, cells, notes)


def _points(models: "Sequence[ObjectMeasures]") -> Table:
    """Distances of points from the object, and distances that mean nothing, to compare with."""
    cells = [
        [model.title, str(point.block), *map(_percent, (point.distance, point.centre, point.others,
         point.nearer, point.inside, point.centre_inside))]
        for model in models
        for point in model.points
    ]  # fmt: skip
    header = ["model", "block", "points to object %", "centre to object %",
              "points to others' objects %", "points nearer than the centre %",
              "points in the box %", "centre in the box %"]  # fmt: skip
    notes = [
        "Distances to the middle of the object's box, in sides of the frame. centre: of the frame. "
        "others' objects: of the same points to the objects of all other clips at that time; "
        "points that do not follow the object are as far from those.",
        _INTERVAL,
    ]
    return Table("Interactive points and the moving object", header, cells, notes)


def _masks(models: "Sequence[ObjectMeasures]") -> Table:
    """The share of mask weight on the object, and that of a mask in the middle."""
    cells = [
        [model.title, str(mask.block), *map(_percent, (mask.share, mask.middle, mask.area))]
        for model in models
        for mask in model.masks
    ]
    header = ["model", "block", "masks %", "a mask in the middle %", "area %"]
    notes = [
        "masks: the share of their weight on the object's box. a mask in the middle: as a fresh "
        "model has it. area: the share of the frame that the box takes.",
        _INTERVAL,
    ]
    return Table("Mask weight on the moving object", header, cells, notes)


def _percent(mean: "Mean") -> str:
    return f"{100 * mean.value:.1f} ± {100 * mean.margin:.1f}"


def _times(mean: "Mean", area: "Mean") -> str:
    return f"{mean.value / area.value:.2f} times"


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("pictures.measure", _HELP)
    add = parser.add_argument
    add("checkpoints", metavar="CHECKPOINT[,CHECKPOINT...]", help="models, a row each")
    add("--data", type=cli.some_path, required=True, metavar="DIR", help="folder of motion pairs")
    cli.add_table_form(parser, json="as JSON")
    return parser


if __name__ == "__main__":
    cli.leave(main())
