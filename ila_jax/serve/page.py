"""The page, on gradio: drop a video, see what the models name and what they look at.

Gradio itself is handed in, set up by `server`: it is an extra, and slow to import.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ila_jax.serve.desk import Desk
from ila_jax.serve.markup import (
    about_html,
    classes_html,
    message_html,
    note_html,
    pictures_html,
    timeline_html,
)
from ila_jax.serve.reply import Reply

# Visitors in the queue. Others are told that it is full, rather than kept waiting.
_WAITING = 8
# Read out when it changes, without taking the focus from where it is.
_ANNOUNCED = "element.setAttribute('role', 'status')"


def page(gr: Any, desk: Desk, examples: Mapping[str, Path]) -> Any:
    """The page as a gradio.Blocks, yet to be served.

    gr: the module gradio. examples: videos by the name that they are offered under.
    """
    depth = max(model.recognizer.config.geometry().depth for model in desk.models)
    with gr.Blocks(title="ila_jax", analytics_enabled=False) as blocks:
        gr.HTML(about_html(desk), elem_classes="answer")
        # The last answer: the slider shows another block of it without a new run.
        state = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1):
                files = gr.File(
                    label="A video", file_count="multiple", type="filepath", elem_id="upload"
                )
                example = gr.Dropdown(
                    list(examples), value=None, label="Or an example", visible=bool(examples),
                    elem_id="example",
                )  # fmt: skip
                top_k = gr.Slider(1, 10, value=5, step=1, label="Classes to name")
                window = gr.Slider(
                    1, 30, value=5, step=1, label="Seconds of a step of the timeline"
                )
                button = gr.Button("Look", variant="primary", elem_id="look")
            with gr.Column(scale=2):
                message = gr.HTML(
                    elem_id="message", elem_classes="answer", js_on_load=_ANNOUNCED, min_height=60
                )
                best = gr.HTML(elem_id="best", elem_classes="answer")
                times = gr.HTML(elem_id="timeline", elem_classes="answer")
                block = gr.Slider(
                    1, depth, value=depth, step=1, label="Block to look into", elem_id="block"
                )
                pictures = gr.HTML(elem_id="pictures", elem_classes="answer")

        # Gradio calls this with the values of the inputs below, in their order.
        def answer(paths: Any, chosen: Any, most: float, seconds: float) -> Any:
            # An upload goes before an example that is still chosen.
            videos = [Path(path) for path in paths or ()] or [examples[c] for c in (chosen,) if c]
            yield from _answers(desk, videos, int(most), seconds)

        # One at a time: two videos at once would share the device, and the limit of time with it.
        answered = button.click(
            answer, [files, example, top_k, window], [message, best, times, pictures, state],
            concurrency_limit=1, api_visibility="private",
        )  # fmt: skip
        # After the answer, with the block that the slider is at by then.
        for changed in (answered.then, block.change):
            changed(
                # Without the queue: drawing is quick, and has no place in it that could be refused.
                _pictures, [state, block], pictures, api_visibility="private", queue=False,
                trigger_mode="always_last", show_progress="hidden",
            )  # fmt: skip
    return blocks.queue(max_size=_WAITING)


def _answers(
    desk: Desk, videos: list[Path], top_k: int, window: float
) -> Iterator[tuple[Any, ...]]:
    """Yields the values of the outputs: that work has begun, and then the answer or the problem.

    Pictures are not among them: those of an earlier video are taken away.
    """
    nothing = ("", "", "", None)
    if videos:
        yield note_html(f"Looking at {', '.join(path.name for path in videos)} …"), *nothing
    try:
        reply = desk.answer(videos, top_k=top_k, window=window)
    except ValueError as error:
        yield note_html(str(error)), *nothing
    else:
        yield message_html(reply), classes_html(reply), timeline_html(reply), "", reply


def _pictures(reply: Reply | None, block: float) -> str:
    """The pictures of one block, counted from 1; nothing before a video was given."""
    return "" if reply is None else pictures_html(reply, int(block))
