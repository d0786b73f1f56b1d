"""The rows of the table: each temporal model's formula, counts, parameters and figures."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ila_jax.cost import formulas, traced
from ila_jax.cost.countings import (
    COUNTINGS,
    METHODS,
    Method,
    Setting,
    by_formula,
    by_tracing,
    of_inference_form,
)
from ila_jax.cost.measure import ProgramCost, machine, measure_model
from ila_jax.cost.paper import Published, Verdict, published, verdict
from ila_jax.cost.traced import Parameters


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """All that the tables say of one method.

    parts: MACs of the tower by its steps. formula, traced: MACs by the keys of `COUNTINGS`, from
    the formulas and counted in the program. folded: counted in the inference form. paper, verdict:
    None where the paper has no such row. measured: None where nothing was measured.
    """

    method: Method
    complexity: str
    parameters: Parameters
    parts: dict[str, int]
    formula: dict[str, int]
    traced: dict[str, int]
    folded: dict[str, int]
    paper: Published | None
    verdict: Verdict | None
    measured: ProgramCost | None

    @property
    def disagreement(self) -> float:
        """The largest relative difference of traced counts from the formula's."""
        return max(abs(macs / self.formula[name] - 1) for name, macs in self.traced.items())


def row(setting: Setting, key: str, *, repeats: int | None) -> CostRow:
    """The row of a method, by its key.

    repeats: how often to run it for the measurement; None measures nothing.
    Errors: ValueError for a setting that makes no model.
    """
    # First of all: a setting that makes no model fails before anything is measured.
    config = setting.config(METHODS[key])
    formula = by_formula(config, setting.classes)
    measured = None if repeats is None else measure_model(config, setting.classes, repeats=repeats)
    return CostRow(
        method=METHODS[key],
        complexity=formulas.COSTS[config.temporal].complexity,
        parameters=traced.parameters(config),
        parts={name: step.total for name, step in formulas.tower(config).items()},
        formula=formula,
        traced=by_tracing(config, setting.classes),
        folded=of_inference_form(config, setting.classes),
        paper=published(setting, key),
        verdict=verdict(setting, key, formula),
        measured=measured,
    )


def as_json(setting: Setting, rows: Iterable[CostRow]) -> dict[str, Any]:
    """Plain values under the keys of docs/explanation/complexity.md."""
    return {
        "setting": asdict(setting),
        "countings": COUNTINGS,
        "machine": machine(),
        "rows": [_row_json(row) for row in rows],
    }


def _row_json(row: CostRow) -> dict[str, Any]:
    """One element of `rows`; what the row does not have is null."""
    return {
        "method": row.method.key,
        "title": row.method.title,
        "complexity": row.complexity,
        "new_parameters": row.parameters.new,
        "total_parameters": row.parameters.total,
        "parts": row.parts,
        "formula_macs": row.formula,
        "traced_macs": row.traced,
        "folded_macs": row.folded,
        "disagreement": row.disagreement,
        "paper": row.paper and row.paper._asdict(),
        "verdict": row.verdict and row.verdict._asdict(),
        "measured": row.measured and row.measured._asdict(),
    }
