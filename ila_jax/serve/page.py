"""The page, on gradio: drop a video, see what the model names and what it looks at.

Gradio itself is handed in, set up by `server`: it is an extra, and slow to import.
"""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ila_jax.answers.answers import Span, clock
from ila_jax.pictures.kinds import one_block
from ila_jax.pictures.sheet import Picture, sheet_picture
from ila_jax.serve.desk import Desk, Reply

# Visitors in the queue. Others are told that it is full, rather than kept waiting.
_WAITING = 8


def page(gr: Any, desk: Desk, examples: Mapping[str, Path]) -> Any:
    """The page as a gradio.Blocks, yet to be served.

    gr: the module gradio. examples: videos by the name that they are offered under.
    """
    config, limits = desk.recognizer.config, desk.limits
    depth = config.geometry().depth
    about = (
        f"# What does it see?\n`{desk.title}` ({config.temporal}) looks at {config.frames} frames "
        f"of a video, in {depth} blocks. Videos up to {limits.megabytes} MB and {limits.minutes:g} "
        "minutes; they stay on this machine and are deleted when the page ends."
    )
    with gr.Blocks(title="ila_jax", analytics_enabled=False) as blocks:
        gr.Markdown(about)
        # What the blocks made of the last video: the slider shows another block without a new run.
        state = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1):
                files = gr.File(
                    label="A video", file_count="multiple", type="filepath", elem_id="upload"
                )
                example = gr.Dropdown(
                    list(examples), value=None, label="or an example", visible=bool(examples),
                    elem_id="example",
                )  # fmt: skip
                top_k = gr.Slider(1, 10, value=5, step=1, label="classes to name")
                window = gr.Slider(1, 30, value=5, step=1, label="seconds a step of the timeline")
                button = gr.Button("Look", variant="primary", elem_id="look")
            with gr.Column(scale=2):
                message = gr.Markdown(elem_id="said")
                best = gr.Label(label="most probable", elem_id="best")
                times = gr.HTML(elem_id="timeline")
                block = gr.Slider(1, depth, value=depth, step=1, label="block", elem_id="block")
                picture = gr.Image(
                    show_label=False, format="png", elem_id="picture", interactive=False,
                    buttons=["download", "fullscreen"],  # and none to share it on a public site
                )  # fmt: skip

        # Gradio calls this with the values of the inputs below, in their order.
        def answer(paths: Any, chosen: Any, most: float, seconds: float, block: float) -> Any:
            # An upload goes before an example that is still chosen.
            videos = [Path(path) for path in paths or ()] or [examples[c] for c in (chosen,) if c]
            try:
                reply = desk.answer(videos, top_k=int(most), window=seconds)
            except ValueError as error:
                return f"**{html.escape(str(error))}**", None, "", None, None
            return _shown(reply, int(block))

        # One at a time: two videos at once would share the device, and the limit of time with it.
        button.click(
            answer, [files, example, top_k, window, block], [message, best, times, state, picture],
            concurrency_limit=1, api_visibility="private",
        )  # fmt: skip
        block.change(
            _picture, [state, block], picture, api_visibility="private", trigger_mode="always_last",
            show_progress="hidden",
        )  # fmt: skip
    return blocks.queue(max_size=_WAITING)


def timeline_html(spans: Sequence[Span]) -> str:
    """Steps of a timeline as rows: when, which class, and a bar as long as its probability."""
    rows = []
    for span in spans:
        (first,) = span.predictions[:1]
        when = f"{clock(span.start)} – {clock(span.end)}"
        bar = f'<div style="background:#4f46e5;height:.7em;width:{100 * first.probability:.1f}%">'
        rows.append(
            f"<tr><td>{when}</td><td>{html.escape(first.name)}</td>"
            f'<td style="width:40%">{bar}</div></td><td>{first.probability:.1%}</td></tr>'
        )
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _shown(reply: Reply, block: int) -> tuple[Any, ...]:
    """The values of the outputs: the message, classes, timeline, state and picture."""
    best = {item.name: item.probability for item in reply.predictions}
    words = f"**{html.escape(reply.name)}**"
    if reply.short:
        words += ": it has fewer frames than the model takes, frames repeat"
    return words, best, timeline_html(reply.timeline), reply.view, _picture(reply.view, block)


def _picture(view: Any, block: float) -> Picture | None:
    """The picture of one block, counted from 1; None before a video was given."""
    return None if view is None else sheet_picture(one_block(view, int(block) - 1))
