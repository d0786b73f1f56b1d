"""What the model makes of videos before it names them: features of clips, frames and patches."""

from collections.abc import Iterator, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ila_jax.config import ModelConfig
from ila_jax.data.clips.pipeline import Batch
from ila_jax.job.one_ahead import one_ahead
from ila_jax.job.sharding import put_batch, replicated
from ila_jax.models import model
from ila_jax.models.forward import pixels
from ila_jax.models.model import Variables
from ila_jax.shapes import Pixels

# Of a batch, on the host: what was read, and its features.
FeatureRows = dict[str, np.ndarray]


def shapes(config: ModelConfig, kinds: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shape of each kind of features of one video: clip [e], frame [t, e], patch [t, p, d]."""
    g, t = config.geometry(), config.frames
    by_kind = {"clip": (g.embed,), "frame": (t, g.embed), "patch": (t, g.grid**2, g.width)}
    return {kind: by_kind[kind] for kind in kinds}


class FeatureExtractor:
    """The compiled towers over a mesh: batches of videos of one view to features, in float32.

    clip: after multi-frame integration, what the head compares or classifies. frame: the projected
    class token of each. patch: the tokens of the last block, neither normalised nor projected.
    """

    def __init__(self, config: ModelConfig, mesh: Mesh, kinds: Sequence[str]):
        self._mesh = mesh

        def features(variables: Variables, video: Pixels) -> dict[str, jax.Array]:
            # Without the head: a text head would need class names, which features do not.
            module = model.bind(config, variables)
            tower = module.visual(pixels(config, video))
            by_kind = {
                "clip": module.mit(tower.class_tokens),
                "frame": tower.class_tokens,
                "patch": tower.patch_tokens,
            }
            return {kind: by_kind[kind].astype(jnp.float32) for kind in kinds}

        # Replicated: the files are written by this process, which needs the rows of all devices.
        self._features = jax.jit(features, out_shardings=replicated(mesh))

    def __call__(self, variables: Variables, batches: Iterator[Batch]) -> Iterator[FeatureRows]:
        """Yields `index`, `mask` [b], `bad` [b, 1, 2] of each batch, and its features [b, ...].

        Meanwhile the devices compute the next batch.
        batches: of `data.pipeline.view_batches`, of one clip and one crop.
        """
        for rest, features in one_ahead(partial(self._begun, variables), batches):
            yield rest | {kind: np.asarray(x) for kind, x in features.items()}

    def _begun(
        self, variables: Variables, batch: Batch
    ) -> tuple[FeatureRows, dict[str, jax.Array]]:
        """What was read, and the features on the devices, which may still compute them."""
        # The only view of each video: [b, 1, t, h, w, 3] becomes [b, t, h, w, 3].
        video = {"video": batch["video"][:, 0]}
        with jax.set_mesh(self._mesh):
            features = self._features(variables, put_batch(self._mesh, video)["video"])
        return {name: batch[name] for name in ("index", "mask", "bad")}, features
