"""Writes the README.md of a model's folder, which is its page on the Hugging Face hub."""

import re

from ila_jax.recognizer import Recognizer
from ila_jax.tables import literal
from ila_jax.weights.card import origin_in_words, views_in_words
from ila_jax.weights.conversion import describe

_NAMED = 100  # classes that the page names, for a reader; model.json has all of them
# A path from the root, as it may stand in a card: all but its last part is nobody else's business.
# In quotes or a table it may have blanks; elsewhere it ends at the first: nobody knows a later one.
_BOUNDED = re.compile(
    r"(?:(?<=[`'\"])|(?<=\| ))(?:file://)?/(?:[^/`'\"|\n]+/)+([^/`'\"|\n]+?)(?=\s*[`'\"|])"
)
_PATH = re.compile(r"(?<![\w:/.])(?:file://)?/(?:[^/\s`'\"|]+/)+([^/\s`'\"|]+)")


def hub_card(recognizer: Recognizer, source: str, sha256: str, more: str = "") -> str:
    """The page, in Markdown, with the YAML in front by which the hub sorts models.

    source: what to call `ila_jax.load` with. sha256: of the weights, by `digest`. more: Markdown
    that is added as it is, but for private paths, such as the card of a fine-tuning.
    """
    names = recognizer.class_names or ()
    shown = [f"- {literal(name)}" for name in names[:_NAMED]]
    if len(names) > _NAMED:
        shown.append(f"- … and {len(names) - _NAMED} more, in model.json")
    text = _TEXT.format(
        source=source,
        model=describe(recognizer.config),
        precision=recognizer.config.precision,
        origin=origin_in_words(recognizer.origin),
        sha256=sha256,
        views=views_in_words(recognizer.views),
        probabilities=recognizer.config.probabilities,
        temperature=_temperature(recognizer.temperature),
        classes=len(names) if names else "none are named",
        names="\n".join(shown),
    )
    # Its own headings one level lower, below the page's.
    below = re.sub(r"^#", "##", without_private_paths(more).strip(), flags=re.MULTILINE)
    return text + (f"\n{below}\n" if below else "")


def without_private_paths(text: str) -> str:
    """The text with the last part alone of each path that begins at the root of a machine.

    Of a path with blanks, neither in quotes nor in a table, what comes after the first one is left.
    """
    return _PATH.sub(r"\1", _BOUNDED.sub(r"\1", text))


def _temperature(temperature: float | None) -> str:
    return "none" if temperature is None else f"{temperature:.4g}"


_TEXT = """\
---
library_name: ila_jax
pipeline_tag: video-classification
tags:
- video-classification
- action-recognition
- jax
- flax
- clip
---

# A video recogniser for ila_jax

```python
import ila_jax

model = ila_jax.load("{source}")
model.predict("clip.mp4", top_k=3)
```

| | |
|---|---|
| model | {model} |
| trained in | {precision} |
| origin | {origin} |
| weights | model.safetensors; sha256 of all arrays {sha256} |
| a video is | {views} |
| probabilities | {probabilities}; temperature: {temperature} |
| classes | {classes} |

{names}

What was measured of it stands below, if anything was. Nothing is known of how it does on videos
unlike those that it was trained on, nor of whom it serves worse than others.
"""
