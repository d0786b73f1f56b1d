"""The public model: weights with a configuration, called on videos."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.shapes import Features, Logits, TextFeatures, TextTokens, Video
from ila_jax.text.tokenizer import tokenize


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


class Recognizer:
    """A video recognizer with its weights. Makes no copy of them.

    class_names: what the text head compares videos with; may be None, then give tokens.
    origin: of converted weights.
    """

    def __init__(
        self,
        config: ModelConfig,
        variables: Variables,
        class_names: Sequence[str] | None = None,
        origin: Origin | None = None,
    ):
        self.config = config
        self.variables = variables
        self.class_names = None if class_names is None else tuple(class_names)
        self.origin = origin

    def logits(self, video: Video, tokens: TextTokens | None = None) -> Logits:
        """Class scores, float32 [b, k].

        video: float32 [b, t, h, w, 3], normalised as `ila_jax.data.augment.normalise` does.
        tokens: int [k, 77], the classes of the text head in place of its class names.
        Errors: ValueError for a text head without class names or tokens, or another shape.
        """
        text = self._text(tokens)
        return _logits(self.config, self.variables, jnp.asarray(video), text)

    def features(self, video: Video) -> Features:
        """Video features after multi-frame integration, [b, e]. video: as in `logits`."""
        return _features(self.config, self.variables, jnp.asarray(video))

    def text_features(self, tokens: TextTokens) -> TextFeatures:
        """Features of texts, [k, e]. tokens: int [k, 77]. Errors: ValueError without text tower."""
        geometry = self.config.geometry()
        if self.config.head != "text":
            raise ValueError("this model has a linear head and no text tower: it takes no tokens")
        tokens = jnp.asarray(tokens)
        if tokens.ndim != 2 or tokens.shape[1] != geometry.context:
            raise ValueError(
                f"tokens have shape {tokens.shape}: expected [classes, {geometry.context}], "
                "as ila_jax.text.tokenizer.tokenize makes them"
            )
        if int(tokens.max()) >= geometry.vocabulary:
            raise ValueError(
                f"token id {int(tokens.max())} is outside the model's vocabulary of "
                f"{geometry.vocabulary}: the tokens were made for another model"
            )
        return _text_features(self.config, self.variables, tokens)

    def _text(self, tokens: TextTokens | None) -> TextFeatures | None:
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
        return self.text_features(jnp.asarray(tokenize(self.class_names)))


@functools.partial(jax.jit, static_argnums=0)
def _logits(
    config: ModelConfig, variables: Variables, video: Video, text: TextFeatures | None
) -> Logits:
    return model.apply(config, variables, video, text, None)[0].logits


@functools.partial(jax.jit, static_argnums=0)
def _features(config: ModelConfig, variables: Variables, video: Video) -> Features:
    module = model.bind(config, variables)
    return module.mit(module.visual(video).class_tokens)


_text_features = jax.jit(model.text_features, static_argnums=0)
