"""Evaluation with several views a video: probabilities of every view, averaged over a video's.

Batch by batch, so that a caller can write down what is done and go on from there later:

    predict = ViewPredictor(config.model, mesh, clips=config.evaluation.batch)
    batches = view_batches(config, source, first=0)
    for rows in score(lambda batch: predict(variables, text, batch), batches): …
"""

from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from jax.sharding import Mesh

from ila_jax.config import ModelConfig
from ila_jax.data.clips.pipeline import Batch
from ila_jax.job.sharding import put_batch, replicated
from ila_jax.models.inspection import alignments
from ila_jax.models.model import Variables
from ila_jax.models.variants import variant
from ila_jax.recognizer import logits_of, pixels, shares_of
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
            shares = rearrange(shares_of(logits), "(b v) k -> b v k", b=len(video))
            return {"probabilities": shares, **{name: batch[name] for name in _KEPT}}

        def points(variables: Variables, clips: jax.Array) -> jax.Array:
            blocks = alignments(config, variables, pixels(config, clips))
            return jnp.stack([block.points for block in blocks], axis=1).astype(jnp.float32)

        # Replicated: each host sees all rows, those of other hosts as well.
        self._probabilities = jax.jit(probabilities, out_shardings=replicated(mesh))
        aligns = variant(config).aligns
        self._points = jax.jit(points, out_shardings=replicated(mesh)) if aligns else None

    def __call__(self, variables: Variables, text: TextFeatures | None, batch: Batch) -> ScoreRows:
        """Returns `probabilities` [b, v, k] and what the batch says of its rows, `_KEPT`.

        They are of the global batch: the videos of all processes. Of models that align there are
        also `points` [b, depth, t - 1, 2, 2], what each block sees in the first view as in
        `shapes.Alignment`, for one more pass of the image tower over that view.

        batch: of `data.pipeline.view_batches`, this process's rows, and bool `stop` [b].
        """
        local, views = batch["video"].shape[:2]
        rest = {name: batch[name] for name in _KEPT}
        shares = []
        # The limit is for all devices, while `local` counts the videos of this process alone.
        for part in _parts(views, most=self._clips // (local * jax.process_count())):
            with jax.set_mesh(self._mesh):
                sent = put_batch(self._mesh, {"video": batch["video"][:, part], **rest})
                rows = self._probabilities(variables, text, sent)
            # Fetched before the next part is sent: memory holds one.
            shares.append(np.asarray(rows["probabilities"]))
        values = {name: np.asarray(rows[name]) for name in _KEPT}
        if self._points is not None:
            with jax.set_mesh(self._mesh):
                first = put_batch(self._mesh, {"video": batch["video"][:, 0]})["video"]
                values["points"] = np.asarray(self._points(variables, first))
        return {"probabilities": np.concatenate(shares, axis=1)[:, :views], **values}


def score(
    predict: Callable[[Batch], ScoreRows],
    batches: Iterable[Batch],
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[ScoreRows]:
    """Yields finished batches: `index`, `label`, `short` [b] and `probabilities` [b, v, k].

    Rows of padding and of videos that could not be read are not among them. bad: int [u, 2],
    (index, Reason) of the latter. stop: after a batch at which it said so, on any process, no
    other follows.
    """
    for batch in batches:
        # The wish to stop goes through the devices with the rows: so all processes learn of it with
        # the same batch, and none waits in a collective for one that has left.
        rows = predict(batch | {"stop": np.full(len(batch["label"]), stop())})
        mask, bad, stopped = (rows.pop(name) for name in ("mask", "bad", "stop"))
        bad = bad.reshape(-1, 2)
        yield {name: values[mask] for name, values in rows.items()} | {"bad": bad[bad[:, 0] >= 0]}
        if stopped.any():
            return


def _parts(views: int, *, most: int) -> np.ndarray:
    """The views in parts of `most` or fewer, but at least 1: int [parts, size].

    All of one size, so that one program is compiled; the last view fills the last part.
    """
    count = -(-views // max(1, most))
    size = -(-views // count)
    return np.minimum(np.arange(count * size), views - 1).reshape(count, size)
