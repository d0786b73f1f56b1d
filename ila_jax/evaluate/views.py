"""Evaluation with several views a video: probabilities of every view, averaged over a video's.

Batch by batch, so that a caller can write down what is done and go on from there later:

    predict = ViewPredictor(config.model, mesh, clips=config.evaluation.batch)
    batches = view_batches(config, source, first=0)
    for rows in score(functools.partial(predict, variables, text), batches): …
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from jax.sharding import Mesh

from ila_jax.config import ModelConfig
from ila_jax.data.clips.pipeline import Batch
from ila_jax.job.one_ahead import one_ahead
from ila_jax.job.sharding import put_batch, replicated
from ila_jax.models.forward import logits_of, pixels, shares_of
from ila_jax.models.inspection import alignments
from ila_jax.models.model import Variables
from ila_jax.models.variants import variant
from ila_jax.shapes import TextFeatures

# Rows of a batch that go with its views.
_KEPT = ("index", "label", "mask", "short", "bad", "stop")
ScoreRows = dict[str, np.ndarray]  # of a batch, on the host


class ViewPredictor:
    """The compiled forward pass over a mesh, which takes the views of a batch part by part.

    clips: how many views of all videos go through at a time, on all devices together. One view of
    each video of a batch is the least.
    """

    def __init__(self, config: ModelConfig, mesh: Mesh, *, clips: int):
        self._mesh, self._clips = mesh, clips

        # Closed over the configuration, which is no array: it is part of the compiled program.
        def probabilities(
            variables: Variables, text: TextFeatures | None, batch: dict[str, jax.Array]
        ) -> dict[str, jax.Array]:
            video = batch["video"]
            clips = rearrange(video, "b v t h w c -> (b v) t h w c")
            logits = logits_of(config, variables, text, clips)
            shares = rearrange(shares_of(config, logits), "(b v) k -> b v k", b=len(video))
            return {"probabilities": shares, **{name: batch[name] for name in _KEPT}}

        def points(variables: Variables, clips: jax.Array) -> jax.Array:
            blocks = alignments(config, variables, pixels(config, clips))
            return jnp.stack([block.points for block in blocks], axis=1).astype(jnp.float32)

        # Replicated: each host sees all rows, those of other hosts as well.
        self._probabilities = jax.jit(probabilities, out_shardings=replicated(mesh))
        aligns = variant(config).aligns
        self._points = jax.jit(points, out_shardings=replicated(mesh)) if aligns else None

    def __call__(
        self, variables: Variables, text: TextFeatures | None, batches: Iterable[Batch]
    ) -> Iterator[ScoreRows]:
        """Yields, of each batch, `probabilities` [b, v, k] and what it says of its rows, `_KEPT`.

        They are of the global batch: the videos of all processes. Of models that align there are
        also `points` [b, depth, t - 1, 2, 2], what each block sees in the first view as in
        `shapes.Alignment`, for one more pass of the image tower over that view. Meanwhile the
        devices compute the next batch.

        batches: of `data.pipeline.view_batches`, this process's rows, and bool `stop` [b].
        """
        for views, parts, rest in one_ahead(partial(self._begun, variables, text), batches):
            shares = np.concatenate([np.asarray(part) for part in parts], axis=1)
            values = {name: np.asarray(x) for name, x in rest.items()}
            yield {"probabilities": shares[:, :views], **values}

    def _begun(
        self, variables: Variables, text: TextFeatures | None, batch: Batch
    ) -> tuple[int, list[jax.Array], dict[str, jax.Array]]:
        """How many views a video has, their probabilities part by part, and the rest of the rows.

        The arrays are on the devices, which may still compute them.
        """
        local, views = batch["video"].shape[:2]
        rest = {name: batch[name] for name in _KEPT}
        parts = []
        with jax.set_mesh(self._mesh):
            # The devices get all parts at once, and then hold the pixels of all, but activations
            # only of the one that they compute. The limit is for all devices, while `local` counts
            # the videos of this process alone.
            for part in _parts(views, most=self._clips // (local * jax.process_count())):
                sent = put_batch(self._mesh, {"video": batch["video"][:, part], **rest})
                rows = self._probabilities(variables, text, sent)
                parts.append(rows.pop("probabilities"))
            if self._points is not None:
                first = put_batch(self._mesh, {"video": batch["video"][:, 0]})["video"]
                rows["points"] = self._points(variables, first)
        return views, parts, rows


def score(
    predict: Callable[[Iterator[Batch]], Iterator[ScoreRows]],
    batches: Iterable[Batch],
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[ScoreRows]:
    """Yields finished batches: `index`, `label`, `short` [b] and `probabilities` [b, v, k].

    Rows of padding and of videos that could not be read are not among them. bad: int [u, 2],
    (index, Reason) of the latter. predict: as a `ViewPredictor`, which may ask for the next batch
    before it gives the rows of one. stop: when it says so, on any process, no other batch follows
    the one whose rows come next; of several processes, up to two do.
    """
    alone = jax.process_count() == 1
    # The wish to stop goes through the devices with the rows: so all processes learn of it with the
    # same batch, and none waits in a collective for one that has left.
    asked = (batch | {"stop": np.full(len(batch["label"]), stop())} for batch in batches)
    for rows in predict(asked):
        mask, bad, stopped = (rows.pop(name) for name in ("mask", "bad", "stop"))
        bad = bad.reshape(-1, 2)
        yield {name: values[mask] for name, values in rows.items()} | {"bad": bad[bad[:, 0] >= 0]}
        # Who is alone does not wait for the batch that has begun, and which the next start scores.
        if stopped.any() or (alone and stop()):
            return


def _parts(views: int, *, most: int) -> np.ndarray:
    """The views in parts of `most` or fewer, but at least 1: int [parts, size].

    All of one size, so that one program is compiled; the last view fills the last part.
    """
    count = -(-views // max(1, most))
    size = -(-views // count)
    return np.minimum(np.arange(count * size), views - 1).reshape(count, size)
