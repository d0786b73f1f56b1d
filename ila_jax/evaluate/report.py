"""The report of an evaluation: one page that holds all it shows and asks nobody for anything."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ila_jax.evaluate import accuracy, plots
from ila_jax.evaluate.accuracy import ClassAccuracy, ScoredVideos
from ila_jax.evaluate.gallery import GalleryVideo, examples, surest
from ila_jax.evaluate.plots import Bar
from ila_jax.evaluate.results import REPORT
from ila_jax.evaluate.several_labels import ClassPrecision
from ila_jax.evaluate.subject import Subject
from ila_jax.files.json_files import json_text
from ila_jax.files.printable import printable
from ila_jax.files.publish import publish_text
from ila_jax.models.variants import variant
from ila_jax.scoring.calibration import Bin
from ila_jax.scoring.metrics import THRESHOLD, telling

# Videos that are shown of the surest hits, and as many of the surest misses.
_EXAMPLES = 6
# Up to so many classes all have a bar. Of more, half as many of the worst and of the best have one.
_BARS = 40
_NONE = "<p>None.</p>"
# The page may load nothing, not even by what a video or a class is called.
_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Evaluation</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr { border-bottom: 1px solid #ddd; }
svg, img { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; }
figure { margin: 0; } figcaption { overflow-wrap: anywhere; }
.gallery { display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr)); }
.scroll { overflow-x: auto; } .small { color: #555; font-size: 13px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; }
</style>
</head>
<body>
"""


def write_report(
    folder: Path, subject: Subject, result: dict[str, Any], videos: ScoredVideos
) -> None:
    """Writes `report.html` into the folder of the predictions.

    result: what `result.json` will hold. Errors: OSError.
    """
    hits, misses = surest(videos, _EXAMPLES)
    # The classes and the numbers come from `result`, so that the page and `result.json` agree.
    body = [
        f"<h1>Evaluation of {escape(subject.checkpoint)}</h1>",
        _overview(result),
        "<h2>Classes</h2>",
        *(_precisions(result) if videos.several_labels else _accuracies(subject, result, videos)),
        "<h2>Calibration</h2>",
        _calibration(
            result["calibration"],
            "pairs of a video and a class" if videos.several_labels else "videos",
        ),
        f"<h2>Surest hits</h2>{_legend(subject)}",
        _gallery(examples(folder, subject, videos, hits)),
        f"<h2>Surest misses</h2>{_gallery(examples(folder, subject, videos, misses))}",
        f"<h2>Videos that could not be read</h2>{_unreadable(result['unreadable'])}",
        f"<h2>What was evaluated</h2>{_about(result)}",
    ]
    # Names that are no Unicode would make the page unreadable to browsers.
    page = printable(_HEAD + "\n".join(body) + "\n</body>\n</html>\n")
    publish_text(folder / REPORT, page)


def _overview(result: dict[str, Any]) -> str:
    """Accuracies with their intervals, and what they are counted over."""
    videos, same = result["videos"], result["same"]
    cells = []
    for name, metric in telling(len(same["classes"])).items():
        if name not in result:
            continue
        for over, words in (("listed", "listed"), ("decoded", "read")):
            if over in result[name]:
                value = result[name][over]
                interval = f"{value['low']:.2%} to {value['high']:.2%}" if "low" in value else ""
                title = f"{metric.title}, of the videos {words}"
                cells.append([title, f"{value['value']:.2%}", interval])
    views = same["clips"] * same["crops"]
    sentences = result["cautions"] + result["training_cautions"]
    return (
        f"<p>{videos['listed']} videos listed, {videos['decoded']} read, {videos['short']} of them "
        f"with fewer frames than a clip; {same['clips']} clips × {same['crops']} crops = {views} "
        "views of each, whose probabilities are averaged.</p>"
        + _table(["", "", "95 % interval"], cells)
        + "".join(f"<p>{escape(sentence)}.</p>" for sentence in sentences)
    )


def _accuracies(subject: Subject, result: dict[str, Any], videos: ScoredVideos) -> list[str]:
    """How the classes do, and what they are taken for."""
    classes = [ClassAccuracy(**values) for values in result["per_class"]]
    cells = [
        [
            item.name, str(item.listed), str(item.decoded), str(item.hits),
            "–" if item.top1 is None else f"{item.top1:.1%}",
            "–" if item.top1 is None else f"{item.low:.1%} to {item.high:.1%}",
        ]
        for item in classes
    ]  # fmt: skip
    header = ["class", "listed", "read", "right", "top-1", "95 % interval"]
    counts = accuracy.confusion_matrix(videos)
    return [
        _bars([Bar(c.name, c.top1, f"{c.top1 or 0:.1%} of {c.decoded}") for c in classes]),
        _all_classes(_table(header, cells)),
        "<h2>Confusions</h2>",
        "<p>Rows: the class. Columns: what its videos were taken for, darker the more of them.</p>",
        f'<div class="scroll">{plots.confusion(counts, subject.class_names)}</div>',
        _confused(result["confused"]),
    ]


def _precisions(result: dict[str, Any]) -> list[str]:
    """How the classes do where a video may have several of them."""
    classes = [ClassPrecision(**values) for values in result["per_class"]]
    cells = [
        [
            item.name, str(item.listed), str(item.decoded),
            "–" if item.average_precision is None else f"{item.average_precision:.1%}",
            str(item.named), str(item.hits),
            "–" if item.recall is None else f"{item.recall:.1%}",
            "–" if item.recall is None else f"{item.low:.1%} to {item.high:.1%}",
        ]
        for item in classes
    ]  # fmt: skip
    header = ["class", "listed", "read", "average precision", "named", "rightly", "recall",
              "95 % interval"]  # fmt: skip
    return [
        "<p>The average precision of each class, of the videos that have it. A video is named a "
        f"class that has {THRESHOLD:.0%} or more.</p>",
        _bars(
            [
                Bar(
                    c.name,
                    c.average_precision,
                    f"{c.average_precision or 0:.1%}, {c.decoded} videos",
                )
                for c in classes
            ]
        ),
        _all_classes(_table(header, cells)),
        "<h2>Confusions</h2>",
        "<p>A video may have several classes, so that none is taken for another.</p>",
    ]


def _bars(classes: Sequence[Bar]) -> str:
    """Bars of the classes from the worst to the best; of very many, of those alone."""
    order = sorted(classes, key=lambda item: (item.value is None, item.value or 0.0))
    if len(order) <= _BARS:
        bars = plots.class_bars(order)
    else:
        decoded, half = [item for item in order if item.value is not None], _BARS // 2
        bars = (
            f"<h3>The {half} it knows least</h3>{plots.class_bars(decoded[:half])}"
            f"<h3>The {half} it knows best</h3>{plots.class_bars(decoded[-half:])}"
        )
    return f'<div class="scroll">{bars}</div>'


def _all_classes(table: str) -> str:
    return f"<details><summary>All classes, in their order</summary>{table}</details>"


def _confused(pairs: Sequence[dict[str, Any]]) -> str:
    """A table of the pairs of classes that most videos went wrong between."""
    if not pairs:
        return "<p>No video was taken for another class.</p>"
    cells = [
        [pair["label"], pair["predicted"], str(pair["videos"]), f"{pair['share']:.1%}"]
        for pair in pairs
    ]
    return _table(["class", "taken for", "videos", "of the class"], cells)


def _calibration(calibration: dict[str, Any], of_what: str) -> str:
    bins = [Bin(**values) for values in calibration["bins"]]
    return (
        f"<p>Expected calibration error {calibration['error']:.2%}, over {len(bins)} bins. A bar "
        f"is dark where many {of_what} are.</p>{plots.reliability(bins)}"
    )


def _gallery(videos: Iterable[GalleryVideo]) -> str:
    figures = []
    for video in videos:
        wrong = f" for <b>{escape(video.predicted)}</b>" if video.predicted != video.label else ""
        verdict = f"{video.probability:.1%}{wrong}; it is <b>{escape(video.label)}</b>"
        strips = "".join(
            f'<div class="small">{escape(title)}</div>'
            + (
                f'<img alt="{escape(title)} of {escape(video.video)}" src="{source}">'
                if source
                else ""
            )
            for title, source in video.strips
        )
        caption = (
            f'<figcaption>{verdict} <span class="small">{escape(video.video)}</span></figcaption>'
        )
        figures.append(f"<figure>{caption}{strips}</figure>")
    return f'<div class="gallery">{"".join(figures)}</div>' if figures else _NONE


def _legend(subject: Subject) -> str:
    """A paragraph that says what the pictures of masks and points mean; none for other models."""
    if not variant(subject.config.model).aligns:
        return ""
    return (
        "<p>Under the frames stands what two of the blocks align: a patch is as bright as its "
        "weight; an orange ring is the interactive point of a frame as the earlier of a pair, a "
        "blue one as the later. They do not say why the class was chosen.</p>"
    )


def _unreadable(videos: Sequence[dict[str, str]]) -> str:
    return _table(["video", ""], [[v["video"], v["said"]] for v in videos]) if videos else _NONE


def _about(result: dict[str, Any]) -> str:
    keys = ("checkpoint", "validation", "device", "versions", "same")
    text = json_text({key: result[key] for key in keys}, indent=1)
    summary = "<summary>Settings, versions, fingerprints</summary>"
    return f"<details>{summary}<pre>{escape(text)}</pre></details>"


def _table(header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A table in HTML. Columns of numbers are aligned to the right, so that units stand in line."""
    numbers = [all(map(_is_number, column)) for column in zip(*cells, strict=True)]

    def row(tag: str, line: Sequence[str]) -> str:
        kinds = [f"<{tag} class=number>" if number else f"<{tag}>" for number in numbers]
        filled = zip(kinds, line, strict=True)
        return "<tr>" + "".join(f"{kind}{escape(text)}</{tag}>" for kind, text in filled) + "</tr>"

    lines = [row("th", header), *(row("td", line) for line in cells)]
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _is_number(text: str) -> bool:
    """Whether a cell holds a number, a percentage, or the dash that stands for none."""
    return text == "–" or text.rstrip("%").replace(".", "", 1).isdigit()
