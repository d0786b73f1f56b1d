"""The public model: weights with a configuration, called on videos."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from jaxtyping import Float, UInt8

from ila_jax import class_features as texts
from ila_jax.config import ModelConfig
from ila_jax.data.class_names.classes import named
from ila_jax.data.clips.ahead import default_threads
from ila_jax.data.clips.many_videos import AnyVideo as AnyVideo
from ila_jax.data.clips.many_videos import VideoViews, check_several, views_ahead, views_of
from ila_jax.data.clips.views import Views as Views
from ila_jax.data.clips.views import evaluation_views as evaluation_views
from ila_jax.data.clips.views import paper_views
from ila_jax.data.clips.views import views_from_dict as views_from_dict
from ila_jax.models import forward, model
from ila_jax.models.model import Variables, VideoModel
from ila_jax.origin import Origin as Origin
from ila_jax.pixels import normalised
from ila_jax.predictions import Answer, best_classes, check_wanted
from ila_jax.predictions import Prediction as Prediction
from ila_jax.shapes import Features, Logits, TextFeatures, TextTokens, Video
from ila_jax.temperature import scaled


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
        self,
        video: AnyVideo,
        top_k: int | None = None,
        *,
        threshold: float | None = None,
        classes: Sequence[str] | None = None,
    ) -> list[Prediction]:
        """The most probable classes of a video, best first; fewer where it knows fewer classes.

        video: a path, an encoded file as bytes or opened, or uint8 frames [f, h, w, 3] in RGB. Of a
        video with fewer frames than the model takes, frames repeat. top_k, threshold: as in `best`.
        classes: as `with_classes`, which makes a model for many videos: it computes the classes'
        features once.
        Errors: BadVideo, a ValueError, saying what is wrong with a file; ValueError for frames of
        another shape, for a model without class names, and for a top_k or threshold out of range.
        """
        if classes is not None:
            return self.with_classes(classes).predict(video, top_k, threshold=threshold)
        check_wanted(top_k, threshold)
        self.check_named()
        shares = self.mean_probabilities(self.look(video))
        return self.best(shares, top_k, threshold=threshold)

    def predict_batch(
        self,
        videos: Iterable[AnyVideo],
        top_k: int | None = None,
        *,
        threshold: float | None = None,
        threads: int | None = None,
        time_limit: float = 600.0,
    ) -> Iterator[Answer]:
        """Yields what `predict` says of each video, in their order, as `Answer`s.

        While the model looks at one video, threads read and decode the next ones, so that memory
        holds `threads` + 1 videos, however many there are. A video that cannot be read, or not in
        `time_limit` seconds, raises nothing: its answer says why in `problem`.
        videos: any iterable of what `predict` takes, also one without an end. threads: all cores,
        at most 8, where it is None.
        Errors: ValueError as of `predict`, but for a video, and for a time limit that is none;
        TypeError for a single video, and for what is no video at all.
        """
        # Here, and not when the first answer is asked for.
        check_several(videos, time_limit)
        check_wanted(top_k, threshold)
        self.check_named()
        threads = default_threads() if threads is None else threads
        if threads < 1:
            raise ValueError(f"threads is {threads}: expected 1 or more")
        looked_at = views_ahead(videos, self.views, threads=threads, time_limit=time_limit)
        return (self._answer(one, top_k, threshold) for one in looked_at)

    def look(self, video: AnyVideo) -> UInt8[np.ndarray, "v t h w c"]:
        """The views of a video, uint8 [v, t, size, size, 3]. Errors: as `predict`."""
        return views_of(self.views, video)[0]

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
        return scaled(shares, self.temperature, self.config.probabilities)

    def mean_probabilities(self, views: UInt8[np.ndarray, "v t h w c"]) -> Float[np.ndarray, "k"]:
        """The probabilities of the classes in a video, float64: the mean over its views."""
        # In float64: the mean of many float32 shares decides between close classes.
        mean: np.ndarray = self.probabilities(views).mean(axis=0, dtype=np.float64)
        return mean

    def best(
        self,
        probabilities: Float[np.ndarray, "k"],
        top_k: int | None = None,
        *,
        threshold: float | None = None,
    ) -> list[Prediction]:
        """The most probable classes, best first; of equals the one with the lower number.

        top_k: how many at most; None is 5, or with a threshold all. threshold: only those of at
        least this probability, of which there may be none. Errors: ValueError.
        """
        check_wanted(top_k, threshold)
        return best_classes(self.check_named(), probabilities, top_k, threshold)

    def check_named(self) -> tuple[str, ...]:
        """Returns the class names. Errors: ValueError for a model that has none."""
        if self.class_names is None:
            raise ValueError(
                "this model does not know what its classes are called: name them, with "
                'model.with_classes(["clapping", "waving"]), or for a command with --classes '
                "'clapping,waving' or the name of a file"
            )
        return self.class_names

    def with_classes(self, names: Sequence[str]) -> "Recognizer":
        """The same model with other classes: any, for the text head, which it then tells apart.

        A linear head knows only the classes that it was trained on; where they have no names yet,
        these are they. Errors: ValueError for other ones, for no names, and for one given twice.
        """
        names = texts.checked_names(self.config, self.class_names, named(names))
        # Of other classes nobody has measured how sure the model should be.
        temperature = self.temperature if names == self.class_names else None
        return self._with(class_names=names, temperature=temperature)

    def with_templates(self, templates: Sequence[str]) -> "Recognizer":
        """Plain CLIP with other texts for its classes, such as `["a video of {}."]`.

        Errors: ValueError for another model, and for no templates or one without {}.
        """
        return self._with(config=texts.with_templates(self.config, templates), temperature=None)

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

    def _answer(self, video: VideoViews, top_k: int | None, threshold: float | None) -> Answer:
        """The answer to one of many videos."""
        if video.pixels is None:
            return Answer(video.name, problem=video.problem)
        best = self.best(self.mean_probabilities(video.pixels), top_k, threshold=threshold)
        return Answer(video.name, best, short=video.short)

    def _with(self, **changes: Any) -> "Recognizer":
        """The same model with other arguments than it was made with."""
        names = ("config", "variables", "class_names", "origin", "views", "temperature")
        return Recognizer(**{name: getattr(self, name) for name in names} | changes)

    def logits(self, video: Video, tokens: TextTokens | None = None) -> Logits:
        """Class scores, float32 [b, k].

        video: float32 [b, t, h, w, 3], as `ila_jax.pixels.normalise(frames,
        by=model.config.pixels)` makes it.
        tokens: int [k, l], the classes of the text head in place of its class names.
        Errors: ValueError for a text head without class names or tokens, for another shape, and
        for pixels that were not normalised.
        """
        text = self._text(tokens)
        pixels = normalised(jnp.asarray(video))
        logits: Logits = forward.video_logits(self.config, self.variables, text, pixels)
        return logits

    def features(self, video: Video | AnyVideo) -> Features:
        """Video features after multi-frame integration, [b, e], as they are: not of length 1.

        video: as in `logits`; or what `predict` takes, which gives a row for each of the video's
        views: `model.with_views(clips=1, crops=1)` has a single one, the middle. Of plain CLIP: the
        mean of the frames' unit features. Errors: as `predict`, for a video.
        """
        if isinstance(video, jax.Array) or (isinstance(video, np.ndarray) and video.ndim == 5):
            pixels = normalised(jnp.asarray(video))
        else:
            pixels = forward.pixels(self.config, jnp.asarray(self.look(video)))
        features: Features = forward.video_features(self.config, self.variables, pixels)
        return features

    @property
    def module(self) -> VideoModel:
        """The model as an `nnx.Module`, with `visual`, `mit`, `head` and, of a text head, `text`.

        It is a new one each time, around the same arrays: what is changed in it changes nothing
        here, and `with_module` makes a model of it. Called with normalised pixels [b, t, h, w, 3],
        the classes' features (None for a linear head) and None, it gives logits [b, k], features
        [b, e] and the blocks' alignment losses [depth], in inference.
        """
        return model.bind(self.config, self.variables)

    def with_module(self, module: VideoModel) -> "Recognizer":
        """The same model with the weights of a module that `module` gave, such as a trained one.

        Errors: ValueError for one with other paths, shapes or dtypes.
        """
        variables = model.variables_of(module, like=self.variables)
        # A temperature was fitted for other weights, and the file that they were converted from
        # held fewer of them, or rounded.
        return self._with(variables=variables, temperature=None, origin=None)

    def apply(self, variables: Variables, video: Video, text: TextFeatures | None = None) -> Logits:
        """Class scores, float32 [b, k], as a pure function of weights and video, in inference.

        With `model.variables` it is `logits`, and it may be traced by jax.jit, jax.grad and
        jax.vmap. variables: a pytree of arrays as `model.variables` is. video: as in `logits`.
        text: features of the classes [k, e]; None is those of the class names, which are constants:
        no gradient reaches the text tower through them, and other variables do not change them.
        Errors: ValueError for a text head without class names or text.
        """
        if text is None and self.config.head == "text":
            text = self.class_features
        return model.apply(self.config, variables, video, text, None)[0].logits

    def text_features(self, tokens: TextTokens) -> TextFeatures:
        """Features of texts, [k, e].

        tokens: int [k, l], l being the context of the model, 77 in CLIP.
        Errors: ValueError without a text tower, or for tokens of another shape or vocabulary.
        """
        if self.config.head != "text":
            raise ValueError("this model has a linear head and no text tower: it takes no tokens")
        tokens = jnp.asarray(tokens)
        texts.check_tokens(self.config.geometry(), tokens)
        features: TextFeatures = texts.text_features(self.config, self.variables, tokens)
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
        # At once also where a function is being traced, which would leave its tracers here.
        with jax.ensure_compile_time_eval():
            return texts.class_features(self.config, self.variables, self.class_names)
