"""The model card of a fine-tuned model: what it learned from, how, and how far to trust it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ila_jax.config import Config, TrainConfig
from ila_jax.data.sources.split_names import SPLITS, VALIDATION
from ila_jax.data.split.splitting import Split
from ila_jax.evaluate.calibrate import StoredTemperature
from ila_jax.finetune.decisions import describe_augmentation
from ila_jax.finetune.options import Folder
from ila_jax.scoring.metrics import METRICS, telling
from ila_jax.tables import Table, literal, render

_NO_TEST = (
    "Validation chose {}, so that its figures are a little too good. Keep some clips for a last "
    "look (`--test 0.2`) to know how much"
)
FROM_NOISE = (
    "The model was trained from noise, without weights that have seen other videos. With a few "
    "hundred clips it learns much less than one that starts from CLIP (`--weights`)"
)


def card(
    folder: Folder,
    where: str,
    config: Config,
    split: Split,
    results: Mapping[str, dict[str, Any]],
    temperature: StoredTemperature | str,
) -> str:
    """The card, in Markdown. where: the folder or the list of the videos.

    split: as it is in its file. results: of evaluations, by the side of the split. temperature:
    what was fitted, or why nothing was.
    """
    first = results[VALIDATION]
    return "\n\n".join(
        [
            f"# {literal(folder.path.name)}: a video model fine-tuned with ila_jax",
            _what(folder, config, first),
            "## Data",
            render([_data(where, split)], markdown=True),
            "## Measured",
            *(render([_measured(side, result)], markdown=True) for side, result in results.items()),
            _of_temperature(temperature),
            render([_table_of_classes(first)], markdown=True),
            "## Warnings",
            "\n".join(
                f"- {sentence.rstrip('.')}."
                for sentence in warnings(config, split, results, temperature)
            ),
            "## Limits",
            _LIMITS_OF_SEVERAL if first.get("several_labels", False) else _LIMITS,
            "## Recipe",
            render([_recipe(config)], markdown=True),
            "All settings are in `config.py`, which `python -m ila_jax.train --config` takes; the "
            "clips of each side, with the reason, in `split.csv`.\n",
        ]
    )


def warnings(
    config: Config,
    split: Split,
    results: Mapping[str, dict[str, Any]],
    temperature: StoredTemperature | str,
) -> list[str]:
    """What makes the figures less trustworthy, in sentences. temperature: as in `card`."""
    # These name classes and files.
    sentences = [literal(sentence) for sentence in split.warnings]
    for side, result in results.items():
        sentences += [f"{side}: {literal(sentence)}" for sentence in result["cautions"]]
    sentences += _of_training(results)
    sentences += [FROM_NOISE] if config.initial.pretrained is None else []
    chosen = "the checkpoint" + ("" if isinstance(temperature, str) else " and the temperature")
    return sentences + ([_NO_TEST.format(chosen)] if len(results) == 1 else [])


def summary(results: Mapping[str, dict[str, Any]]) -> list[str]:
    """The first figures of each side of the split, a line each, and the cautions."""
    lines = []
    for side, result in results.items():
        names = (
            ("map", "macro_f1")
            if result.get("several_labels", False)
            else ("top1", "macro_accuracy")
        )
        one, other = (f"{METRICS[name].title} {_value(result, name)}" for name in names)
        lines.append(f"{side}: {one} of {result['videos']['decoded']} videos, {other}")
        lines += [f"caution: {sentence}" for sentence in result["cautions"]]
    return lines + [f"caution: {sentence}" for sentence in _of_training(results)]


def _of_training(results: Mapping[str, dict[str, Any]]) -> list[str]:
    """Cautions about the run, which all its evaluations have; one of a version before has none."""
    cautions: list[str] = results[VALIDATION].get("training_cautions", [])
    return cautions


def _what(folder: Folder, config: Config, result: Mapping[str, Any]) -> str:
    model = config.model
    start = "noise" if config.initial.pretrained is None else f"`{config.initial.pretrained}`"
    classes, each = result["same"]["classes"], result.get("several_labels", False)
    what = "says of each of {} classes whether it is there" if each else "tells {} classes apart"
    return (
        f"{model.temporal}, size {model.size}, {model.frames} frames of "
        f"{model.geometry().resolution} pixels, {model.head} head, started from {start}. Step "
        f"{result['checkpoint']['step']} of the run in `{folder.run}`, the best in validation.\n\n"
        f"It {what.format(len(classes))}: {', '.join(map(literal, classes))}."
    )


def _data(where: str, split: Split) -> Table:
    """Clips of each class on each side."""
    clips = split.videos.clips
    sides = [side for side in SPLITS if any(clip.split == side for clip in clips)]
    counts = Counter((clip.split, label) for clip in clips for label in clip.labels)
    cells = [
        [literal(name), *(str(counts[side, name]) for side in sides)]
        for name in split.videos.class_names
    ]
    all_of = Counter(clip.split for clip in clips)
    cells.append(["together", *(str(all_of[side]) for side in sides)])
    title = f"Clips of {literal(where)}"
    return Table(title, ["class", *sides], cells, [literal(note) for note in split.notes])


def _measured(side: str, result: Mapping[str, Any]) -> Table:
    """Every metric of the videos that could be read, with its interval where it has one."""
    same, videos = result["same"], result["videos"]
    metrics = telling(len(same["classes"])).items()
    cells = [[metric.title, _value(result, name)] for name, metric in metrics if name in result]
    title = (
        f"{side}: {videos['decoded']} videos read of {videos['listed']}, "
        f"{same['clips']} × {same['crops']} views of each"
    )
    return Table(title, ["", "value, with the 95 % interval of shares"], cells)


def _value(result: Mapping[str, Any], name: str) -> str:
    value = result[name]["decoded"]
    interval = f" ({value['low']:.1%} to {value['high']:.1%})" if "low" in value else ""
    return f"{value['value']:.1%}{interval}"


def _table_of_classes(result: Mapping[str, Any]) -> Table:
    return _precisions(result) if result.get("several_labels", False) else _of_classes(result)


def _precisions(result: Mapping[str, Any]) -> Table:
    """The average precision of each class in validation, and how many of its videos were named."""
    header = ["average precision", "recall at 50 %, with the 95 % interval"]
    return _classes(result, header, [
        None
        if item["recall"] is None
        else [f"{item['average_precision']:.1%}",
              f"{item['recall']:.1%} ({item['low']:.1%} to {item['high']:.1%})"]
        for item in result["per_class"]
    ])  # fmt: skip


def _of_classes(result: Mapping[str, Any]) -> Table:
    """The accuracy of each class in validation, with Wilson's interval."""
    return _classes(result, ["top-1", "95 % interval"], [
        None
        if item["top1"] is None
        else [f"{item['top1']:.1%}", f"{item['low']:.1%} to {item['high']:.1%}"]
        for item in result["per_class"]
    ])  # fmt: skip


def _classes(
    result: Mapping[str, Any], header: list[str], values: Sequence[list[str] | None]
) -> Table:
    """A row for each class. values: its cells; None of a class without videos."""
    cells = [
        [
            literal(item["name"]),
            str(item["decoded"]),
            *(["–"] * len(header) if row is None else row),
        ]
        for item, row in zip(result["per_class"], values, strict=True)
    ]
    return Table("Classes in validation", ["class", "videos", *header], cells)


def _of_temperature(temperature: StoredTemperature | str) -> str:
    if isinstance(temperature, str):
        return f"Probabilities are the model's own: no temperature was fitted ({temperature})."
    fitted = temperature.fitted
    return (
        f"Probabilities are scaled with a temperature of {fitted.temperature:.3f}, fitted on "
        f"{fitted.videos} validation videos: calibration error {fitted.error_before:.1%} before, "
        f"{fitted.error_after:.1%} after, on videos that were not fitted on. The figures above are "
        "from before."
    )


def _recipe(config: Config) -> Table:
    """The settings that one asks for first."""
    train, optimizer, augment = config.train, config.optimizer, config.augment
    rows: Sequence[tuple[str, object]] = [
        ("length", f"{train.epochs:g} epochs" if train.epochs else f"{train.steps} steps"),
        ("batch", train.batch),
        ("learning rate", f"{optimizer.rate:.2e}, groups {optimizer.groups}"),
        ("weight decay", optimizer.weight_decay),
        ("trained blocks", "all" if optimizer.trained_blocks is None else optimizer.trained_blocks),
        ("best by", f"{train.best_metric}, patience {train.patience}"),
        ("loss", train.loss),
        ("balance of classes", train.class_balance),
        ("average of the weights", _average(train)),
        ("label smoothing", augment.label_smoothing),
        ("augmentation", describe_augmentation(config, "").value),
        ("mixup, cutmix", f"{augment.mixup:g}, {augment.cutmix:g}"),
        ("precision", config.model.precision),
        ("seed", train.seed),
    ]
    return Table("Settings", ["", ""], [[name, str(value)] for name, value in rows])


def _average(train: TrainConfig) -> str:
    if train.ema_epochs is not None:
        return f"over {train.ema_epochs:g} epochs"
    return str(train.ema or "none")


_MEASURED = """\
It was measured on clips of the same set alone: of videos from other cameras, places or people
nothing is known, nor whom it serves worse than others."""
_LIMITS = f"""\
It names one of its classes for every video, also for one that shows none of them. {_MEASURED}"""
_LIMITS_OF_SEVERAL = f"""\
It gives every class of every video a probability, and none of them was calibrated: whoever wants
classes named sets a threshold (`predict --threshold`) by videos of their own. {_MEASURED}"""
