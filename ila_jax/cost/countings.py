"""The rows of the table, and the ways to count that its columns state."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ila_jax.config import ModelConfig, Precision
from ila_jax.cost import formulas
from ila_jax.cost.formulas import COSTS, Macs

if TYPE_CHECKING:
    from ila_jax.cost.traced import Shapes

# The models whose convolutions have two forms: `models.variants.ALIGNING`, which would load jax
# for the help of a command.
ALIGNING = ("ila", "ila_token")
# What a sweep lets grow: the frames of a clip, or the sides of its frames.
AXES = ("frames", "resolution")


@dataclass(frozen=True)
class Method:
    """A row of the tables: a temporal model, and the form of its convolutions where it has any.

    key: as it is typed after --methods. title: as it is printed. temporal: a key of `TEMPORAL`.
    """

    key: str
    title: str
    temporal: str
    convolutions: Literal["k400", "ssv2"] = "k400"


def _methods() -> Iterator[Method]:
    """A row for each temporal model, or for each form of its convolutions where it has any."""
    for name, cost in COSTS.items():
        if name in ALIGNING:
            yield Method(name, f"{cost.title}, K400 form", name)
            yield Method(f"{name}_ssv2", f"{cost.title}, SSv2 form", name, "ssv2")
        else:
            yield Method(name, cost.title, name)


METHODS = {method.key: method for method in _methods()}

# What each way of counting covers, by its key; in GMACs of one clip. There are five, as published
# figures do not say which was used: `paper` looks for the one that gives them.
COUNTINGS = {
    "tower": "the image tower: patches, blocks, projection of the class tokens",
    "text_head": "tower + multi-frame integration + video-specific prompts of K classes, whose "
    "text features are computed once, not per clip",
    "one_class": "tower + multi-frame integration + prompts of one class + text tower for it",
    "linear_head": "tower + multi-frame integration + linear layer to K classes",
    "text_head_weights": "text_head without the products of activations with activations (those "
    "of attention and matching), as tools have it that count layers",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all rows share.

    size: a key of `SIZES`. resolution: in pixels, None takes the size's. channels: of ILA's
    interactive features.
    """

    size: str
    frames: int
    classes: int
    resolution: int | None = None
    channels: int = 256  # in the released models
    precision: Precision = "float32"

    def config(self, method: Method) -> ModelConfig:
        """A row's model with the text head. Errors: ValueError for what makes no model."""
        if self.frames < 2:
            raise ValueError(f"frames is {self.frames}: expected at least 2, ILA aligns neighbours")
        if self.classes < 1:
            raise ValueError(f"classes is {self.classes}: expected at least 1")
        config = ModelConfig(
            size=self.size,
            temporal=method.temporal,
            frames=self.frames,
            # With either head a tower is the same; the linear one's layer is counted apart.
            head="text",
            classes=None,
            convolutions=method.convolutions,
            channels=self.channels,
            # Costs are of inference, which drops nothing.
            dropout=0.0,
            precision=self.precision,
            resolution=self.resolution,
        )
        grid = config.geometry().grid
        if grid < 4:
            raise ValueError(
                f"resolution {config.geometry().resolution} gives {grid} patches a side: the "
                "alignment halves the grid twice and needs at least 4"
            )
        return config


def by_formula(config: ModelConfig, classes: int) -> dict[str, int]:
    """MACs of one clip by every counting, from the formulas."""
    tower = _sum(list(formulas.tower(config).values()))
    base = _sum([tower, formulas.integration(config)])
    head = _sum([base, formulas.prompts(config, classes)])
    one = _sum([base, formulas.prompts(config, 1), formulas.text(config)])
    return {
        "tower": tower.total,
        "text_head": head.total,
        "one_class": one.total,
        "linear_head": _sum([base, formulas.linear(config, classes)]).total,
        "text_head_weights": head.weights,
    }


def by_tracing(config: ModelConfig, classes: int) -> dict[str, int]:
    """The same counted in the traced program, but for the counting by weights.

    A trace does not say which of a product's factors are weights.
    """
    # Here, because a command reads the table above for its help, without loading jax.
    from ila_jax.models import model

    return _traced(config, classes, model.abstract)


def of_inference_form(config: ModelConfig, classes: int) -> dict[str, int]:
    """The same counted in the traced inference form, in which layers are merged."""
    from ila_jax.models import model

    return _traced(config, classes, model.abstract_folded)


def _traced(config: ModelConfig, classes: int, weights: "Shapes") -> dict[str, int]:
    """MACs of one clip counted in the program that takes such weights."""
    from ila_jax.cost import traced

    tower = traced.tower(config, weights)
    base = tower + traced.integration(config, weights)
    return {
        "tower": tower,
        "text_head": base + traced.prompts(config, classes, weights),
        "one_class": base + traced.prompts(config, 1, weights) + traced.text(config, weights),
        "linear_head": base + traced.linear(config, classes, weights),
    }


def _sum(steps: list[Macs]) -> Macs:
    """The total of each kind."""
    return Macs(*(sum(kind) for kind in zip(*steps, strict=True)))
