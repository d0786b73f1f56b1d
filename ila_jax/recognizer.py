"""The public model: weights with a configuration, called on videos."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from einops import rearrange
from jaxtyping import Float, UInt8

from ila_jax.class_features import class_features, text_features
from ila_jax.config import ModelConfig
from ila_jax.data.class_names.classes import named
from ila_jax.data.clips.views import Views as Views
from ila_jax.data.clips.views import evaluation_views as evaluation_views
from ila_jax.data.clips.views import paper_views
from ila_jax.data.clips.views import views_from_dict as views_from_dict
from ila_jax.data.video.read_video import EncodedVideo, encoded
from ila_jax.models import forward, model
from ila_jax.models.model import Variables
from ila_jax.shapes import Features, Logits, TextFeatures, TextTokens, Video
from ila_jax.temperature import with_temperature

# A file, or its uint8 frames [f, h, w, 3] in RGB.
AnyVideo = EncodedVideo | np.ndarray


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What converted weights remember of their file, so that the way back is bit-equal.

    kind: of the file's model; "clip" when all but CLIP's part is fresh. integers: counters by
    official name. dtypes: by official name, where it was not float32. fresh: paths of parameters
    that the file did not hold.
    """

    kind: str = ""
    integers: Mapping[str, int] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """One class, and its probability: the mean over a video's views."""

    name: str
    probability: float


class Recognizer:
    """A video recognizer: a model's configuration with its weights, which are not copied.

    class_names: what the text head compares videos with; None is allowed, and calls then need
    tokens. origin: what converted weights remember of their file. views: what it looks at of a
    video that it is to name; None for the paper's, 4 clips x 3 crops. A run's model has those of
    the run's evaluation. temperature: what probabilities are scaled with (`temperature.py`), as
    fitted on validation; None leaves them as they are.
    """

    def __init__(
        self,
        config: ModelConfig,
        variables: Variables,
        class_names: Sequence[str] | None = None,
        origin: Origin | None = None,
        views: Views | None = None,
        temperature: float | None = None,
    ):
        self.config = config
        self.variables = variables
        self.class_names = None if class_names is None else named(class_names)
        self.origin = origin
        self.views = paper_views(config) if views is None else views
        self.temperature = temperature

    def predict(
        self, video: AnyVideo, top_k: int = 5, *, classes: Sequence[str] | None = None
    ) -> list[Prediction]:
        """The most probable classes of a video, best first; fewer where it knows fewer classes.

        video: a path, an encoded file as bytes or opened, or uint8 frames [f, h, w, 3] in RGB. Of a
        video with fewer frames than the model takes, frames repeat. classes: as `with_classes`,
        which makes a model for many videos: it computes the classes' features once.
        Errors: BadVideo, a ValueError, saying what is wrong with a file; ValueError for frames of
        another shape, for a model without class names, and for a top_k under 1.
        """
        if classes is not None:
            return self.with_classes(classes).predict(video, top_k)
        self.check_named()
        # In float64: the mean of many float32 shares decides between close classes.
        return self.best(self.probabilities(self.look(video)).mean(axis=0, dtype=np.float64), top_k)

    def look(self, video: AnyVideo) -> UInt8[np.ndarray, "v t h w c"]:
        """The views of a video, uint8 [v, t, size, size, 3]. Errors: as `predict`."""
        if isinstance(video, np.ndarray):
            if video.ndim != 4 or video.shape[-1] != 3 or video.dtype != np.uint8 or not video.size:
                raise ValueError(
                    f"frames are {video.dtype} {list(video.shape)}: expected uint8 "
                    "[frames, height, width, 3], in RGB"
                )
            return self.views.of_frames(video)
        # The number of a video only matters where clips are drawn at random: here it is always 0.
        return self.views(encoded(video), 0)[0]

    def probabilities(self, views: UInt8[np.ndarray, "v t h w c"]) -> Float[np.ndarray, "v k"]:
        """The probabilities of the classes in each view, float32 or wider. views: as of `look`.

        They are scaled with the model's temperature, where it has one.
        """
        text = self._text(None)
        # A clip's crops at a time: memory holds few, and one program does for all.
        clips = rearrange(views, "(n m) t h w c -> n m t h w c", m=self.views.crops)
        parts = [
            forward.probabilities_of(self.config, self.variables, text, clip) for clip in clips
        ]
        shares = np.concatenate([np.asarray(shares) for shares in parts])
        return shares if self.temperature is None else with_temperature(shares, self.temperature)

    def best(self, probabilities: Float[np.ndarray, "k"], top_k: int) -> list[Prediction]:
        """The most probable classes, best first; of equals the one with the lower number."""
        if top_k < 1:
            raise ValueError(f"top_k is {top_k}: expected 1 or more classes to name")
        # Stable, so that equal classes come in the order of their numbers on every machine.
        order = np.argsort(-probabilities, kind="stable")[:top_k].tolist()
        return [Prediction(self.check_named()[k], float(probabilities[k])) for k in order]

    def check_named(self) -> tuple[str, ...]:
        """Returns the class names. Errors: ValueError for a model that has none."""
        if self.class_names is None:
            raise ValueError(
                "this model does not know what its classes are called: name them, with "
                'model.with_classes(["clapping", …]), or --classes FILE for a command'
            )
        return self.class_names

    def with_classes(self, names: Sequence[str]) -> "Recognizer":
        """The same model with other classes: any, for the text head, which it then tells apart.

        A linear head knows only the classes that it was trained on; where they have no names yet,
        these are they. Errors: ValueError for other ones, for no names, and for one given twice.
        """
        names = tuple(name.strip() for name in named(names))
        if not names or not all(names) or len(set(names)) < len(names):
            raise ValueError(f"class names {list(names)}: expected some, none blank or given twice")
        if self.config.head == "linear":
            self._check_linear(names)
        # Of other classes nobody has measured how sure the model should be.
        temperature = self.temperature if names == self.class_names else None
        return self._with(class_names=names, temperature=temperature)

    def with_templates(self, templates: Sequence[str]) -> "Recognizer":
        """Plain CLIP with other texts for its classes, such as `["a video of {}."]`.

        Errors: ValueError for another model, and for no templates or one without {}.
        """
        if self.config.temporal != "clip":
            raise ValueError(
                f"templates are for plain CLIP, and this is a {self.config.temporal} model, which "
                "was trained on class names alone: word the names themselves"
            )
        if isinstance(templates, str) or not templates or not all("{}" in t for t in templates):
            raise ValueError(
                f"templates are {templates!r}: expected texts with {{}} for the class's "
                'name, such as ["a video of {}."]'
            )
        config = dataclasses.replace(self.config, templates=tuple(templates))
        return self._with(config=config, temperature=None)

    def with_views(self, *, clips: int, crops: int) -> "Recognizer":
        """The same model with other views of a video, clips x crops of them. Errors: ValueError."""
        # `Views` checks the numbers itself.
        views = dataclasses.replace(self.views, clips=clips, crops=crops)
        return self._with(views=views)

    def for_inference(self) -> "Recognizer":
        """The same model in its inference form: the same logits to rounding, in less time.

        Layers are merged (models.md 12), once and here; all that recognises calls it. Weights
        are saved and converted from the model itself.
        """
        return self._with(variables=model.fold(self.config, self.variables))

    def _with(self, **changes: Any) -> "Recognizer":
        """The same model with other arguments than it was made with."""
        names = ("config", "variables", "class_names", "origin", "views", "temperature")
        return Recognizer(**{name: getattr(self, name) for name in names} | changes)

    def _check_linear(self, names: tuple[str, ...]) -> None:
        """Errors: ValueError for names that a linear head does not know."""
        if self.class_names not in (None, names):
            raise ValueError(
                f"this model has a linear head, which knows the {len(self.class_names or ())} "
                "classes it was trained on and no others: only a text head takes classes at will"
            )
        if len(names) != self.config.classes:
            raise ValueError(
                f"{len(names)} class names for a linear head of {self.config.classes} classes: "
                "name each, in the order of their numbers"
            )

    def logits(self, video: Video, tokens: TextTokens | None = None) -> Logits:
        """Class scores, float32 [b, k].

        video: float32 [b, t, h, w, 3], as `ila_jax.pixels.normalise(frames,
        by=model.config.pixels)` makes it.
        tokens: int [k, l], the classes of the text head in place of its class names.
        Errors: ValueError for a text head without class names or tokens, or another shape.
        """
        text = self._text(tokens)
        logits: Logits = forward.video_logits(self.config, self.variables, text, jnp.asarray(video))
        return logits

    def features(self, video: Video) -> Features:
        """Video features after multi-frame integration, [b, e]. video: as in `logits`.

        Of plain CLIP: the mean of the frames' unit features.
        """
        features: Features = forward.video_features(self.config, self.variables, jnp.asarray(video))
        return features

    def text_features(self, tokens: TextTokens) -> TextFeatures:
        """Features of texts, [k, e].

        tokens: int [k, l], l being the context of the model, 77 in CLIP.
        Errors: ValueError without a text tower, or for tokens of another shape or vocabulary.
        """
        geometry = self.config.geometry()
        if self.config.head != "text":
            raise ValueError("this model has a linear head and no text tower: it takes no tokens")
        tokens = jnp.asarray(tokens)
        if tokens.ndim != 2 or tokens.shape[1] != geometry.context:
            raise ValueError(
                f"tokens have shape {tokens.shape}: expected [classes, {geometry.context}], "
                f"as ila_jax.text.tokenizer.tokenize(texts, {geometry.context}) makes them"
            )
        # jax raises nothing for an index that is too large.
        if int(tokens.max()) >= geometry.vocabulary:
            raise ValueError(
                f"token id {int(tokens.max())} is outside the model's vocabulary of "
                f"{geometry.vocabulary}: the tokens were made for another model"
            )
        features: TextFeatures = text_features(self.config, self.variables, tokens)
        return features

    def _text(self, tokens: TextTokens | None) -> TextFeatures | None:
        """What a text head compares videos with, [k, e]; None for a linear head."""
        if self.config.head == "linear":
            if tokens is not None:
                raise ValueError("this model has a linear head: call it without tokens")
            return None
        return self.class_features if tokens is None else self.text_features(tokens)

    @functools.cached_property
    def class_features(self) -> TextFeatures:
        """The class names' features, computed once."""
        if self.class_names is None:
            raise ValueError(
                "the text head needs to know the classes: pass tokens to this call, or "
                "class_names when the model is made or loaded"
            )
        return class_features(self.config, self.variables, self.class_names)
