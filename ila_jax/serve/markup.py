"""The page's answers as HTML: tables and pictures that screen readers and narrow screens take."""

from collections.abc import Sequence
from html import escape
from pathlib import PurePath

from ila_jax.answers.answers import clock
from ila_jax.pictures.addresses import address, jpeg, png
from ila_jax.pictures.kinds import one_block
from ila_jax.pictures.sheet import Sheet, Strip, column_of, sheet_picture
from ila_jax.recognizer import Prediction
from ila_jax.serve.desk import Desk
from ila_jax.serve.reply import Agreement, Reply
from ila_jax.serve.words import sentences

# Beside colour, which not everybody sees: a sign, and its meaning for screen readers.
_SIGNS = {Agreement.SAME: "=", Agreement.DIFFERENT: "≠", Agreement.UNKNOWN: "?"}


def about_html(desk: Desk) -> str:
    """What the page is, which models answer, and what it takes."""
    models = "".join(
        f"<li><strong>{escape(model.title)}</strong> looks at {model.recognizer.config.frames} "
        f"frames of a video, in {model.recognizer.config.geometry().depth} blocks.</li>"
        for model in desk.models
    )
    title = "What does it see?" if len(desk.models) == 1 else "What do they see?"
    return (
        f"<h1>{title}</h1><ul>{models}</ul><p>Videos up to {desk.limits.megabytes} MB and "
        f"{desk.limits.minutes:g} minutes; they stay on this machine and are deleted when the "
        "page ends.</p>"
    )


def message_html(reply: Reply) -> str:
    """The sentences of an answer, which are read out."""
    lines = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences(reply))
    return f"{note_html(reply.name)}<ul>{lines}</ul>"


def note_html(text: str) -> str:
    """A message of its own: what is being done, or what is wrong."""
    return f"<p><strong>{escape(text)}</strong></p>"


def classes_html(reply: Reply) -> str:
    """A table of the most probable classes: a row for each, a column for each model."""
    rows = []
    for name in reply.class_names:
        cells = [_probability(model.probability(name)) for model in reply.models]
        rows.append(f'<th scope="row">{escape(name)}</th>{"".join(cells)}')
    heads = ["class", *(model.title for model in reply.models)]
    if len(reply.models) == 1:
        heads[1] = "probability"
    return _table("Most probable classes", heads, rows)


def timeline_html(reply: Reply) -> str:
    """A table of a video's windows: when, and the best class of each model; and the CSV file."""
    rows = [_step(reply, *window) for window in reply.windows]
    table, what = "", "the classes"
    if rows:
        titles = [model.title for model in reply.models]
        several = len(titles) > 1
        heads = ["time", *titles, "same?"] if several else ["time", "class"]
        table = _table("What happens when", heads, rows, "compared" if several else "alone")
        what = "the timeline"
    name = f"{PurePath(reply.name).stem}.csv"
    data = address("text/csv;charset=utf-8", reply.csv().encode())
    return f"{table}{_download(f'Download {what} (CSV)', name, data)}"


def _step(reply: Reply, start: float, end: float, best: Sequence[Prediction]) -> str:
    """A row of the timeline. best: the best class of each model."""
    cells = [
        _cell(f"{escape(item.name)} <b>{item.probability:.1%}</b>", item.probability)
        for item in best
    ]
    if len(best) > 1:
        cells.append(_sign(reply.agreement(best)))
    when = f"<span>{clock(start)}</span> – <span>{clock(end)}</span>"
    return f'<th scope="row" class="when">{when}</th>{"".join(cells)}'


def pictures_html(reply: Reply, block: int) -> str:
    """What one block of each model makes of the frames. block: counted from 1.

    Of a model with fewer blocks, the last one is shown.
    """
    sheets = [
        one_block(model.view, min(block, model.view.maps.blocks) - 1) for model in reply.models
    ]
    parts = "".join(f'<div class="model">{_sheet(sheet)}</div>' for sheet in sheets)
    picture = png(column_of([sheet_picture(sheet) for sheet in sheets]))
    name = f"{PurePath(reply.name).stem}_block_{block}.png"
    link = _download("Download these pictures (PNG)", name, picture)
    return f'<div class="models">{parts}</div>{link}'


def _sheet(sheet: Sheet) -> str:
    """Rows of frames with captions as text, so that lines of frames break on a narrow screen."""
    rows = "".join(_strip(row, sheet.columns) for row in sheet.rows)
    times = "; ".join(sheet.columns)
    return f"<h2>{escape(sheet.title)}</h2><p>{escape(times)}</p>{rows}<p>{escape(sheet.note)}</p>"


def _strip(strip: Strip, columns: Sequence[str]) -> str:
    """One row of frames. columns: what each of them is, for those who do not see it."""
    tiles = "".join(
        f'<img src="{jpeg(tile)}" alt="{escape(column)}" title="{escape(column)}">'
        for tile, column in zip(strip.tiles, columns, strict=True)
    )
    return (
        f"<figure><figcaption>{escape(strip.caption)}</figcaption>"
        f'<div class="tiles">{tiles}</div></figure>'
    )


def _sign(agreement: Agreement) -> str:
    """A cell that says how the best classes of two models compare."""
    return (
        f'<td class="sign {agreement.name.lower()}"><span aria-hidden="true">{_SIGNS[agreement]}'
        f'</span><span class="unseen">{agreement.value}</span></td>'
    )


def _table(caption: str, heads: Sequence[str], rows: Sequence[str], kind: str = "alone") -> str:
    """A table in a box that scrolls by keyboard as well where it is long. kind: of its CSS."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="scrolling" role="region" tabindex="0" aria-label="{caption}">'
        f'<table class="{kind}"><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _probability(value: float | None) -> str:
    """A cell with a probability, of a class that the model may not know."""
    if value is None:
        return '<td>–<span class="unseen"> not known to this model</span></td>'
    return _cell(f"<b>{value:.1%}</b>", value)


def _cell(words: str, value: float) -> str:
    """A cell with words and a bar, which is as long as a probability. words: HTML."""
    return f'<td>{words}<div class="bar" style="width:{100 * value:.1f}%"></div></td>'


def _download(words: str, name: str, data: str) -> str:
    return f'<p><a class="file" download="{escape(name)}" href="{data}">{words}</a></p>'
