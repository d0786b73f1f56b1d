"""Evaluation with several views a video: probabilities of every view, averaged over a video's.

Batch by batch, so that a caller can write down what is done and go on from there later:

    predict = ViewPredictor(config.model, mesh, clips=config.evaluation.batch)
    batches = view_batches(config, dataset, first=0)
    done = score(lambda batch: predict(variables, text, batch), batches)
    found = predictions(done, listed=len(dataset.validation))
"""

from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from jax.sharding import Mesh

from ila_jax.config import ModelConfig
from ila_jax.data.pipeline import Batch
from ila_jax.models.model import Variables
from ila_jax.shapes import TextFeatures
from ila_jax.train.sharding import put_batch, replicated
from ila_jax.train.validation import Predictions, best, logits_of, merge

_KEPT = ("index", "label", "mask", "short", "bad")  # rows of a batch that go with its views
Rows = dict[str, np.ndarray]  # of a batch, on the host


class ViewPredictor:
    """The compiled forward pass over a mesh, on no more than so many views at a time.

    clips: how many, on all devices together; one of each video of a batch at the least.
    """

    def __init__(self, config: ModelConfig, mesh: Mesh, *, clips: int):
        self._mesh, self._clips = mesh, clips

        def probabilities(
            variables: Variables, text: TextFeatures | None, batch: dict[str, jax.Array]
        ) -> dict[str, jax.Array]:
            video = batch["video"]
            clips = rearrange(video, "b v t h w c -> (b v) t h w c")
            logits = logits_of(config, variables, text, clips)
            # Not in bfloat16: sums of shares are compared.
            shares = jax.nn.softmax(logits.astype(jnp.promote_types(logits.dtype, jnp.float32)))
            shares = rearrange(shares, "(b v) k -> b v k", b=len(video))
            return {"probabilities": shares, **{name: batch[name] for name in _KEPT}}

        # Replicated: each host sees all rows, those of other hosts as well.
        self._probabilities = jax.jit(probabilities, out_shardings=replicated(mesh))

    def __call__(self, variables: Variables, text: TextFeatures | None, batch: Batch) -> Rows:
        """`probabilities` [b, v, k], and what the batch says of its rows, of the global batch.

        batch: of `data.pipeline.view_batches`, this process's rows.
        """
        local, views = batch["video"].shape[:2]
        rest = {name: batch[name] for name in _KEPT}
        shares = []
        for part in _parts(views, most=self._clips // (local * jax.process_count())):
            with jax.set_mesh(self._mesh):
                some = put_batch(self._mesh, {"video": batch["video"][:, part], **rest})
                rows = self._probabilities(variables, text, some)
            # Fetched before the next part is sent: memory holds one.
            shares.append(np.asarray(rows["probabilities"]))
        kept = {name: np.asarray(rows[name]) for name in _KEPT}
        return {"probabilities": np.concatenate(shares, axis=1)[:, :views], **kept}


def score(
    predict: Callable[[Batch], Rows],
    batches: Iterable[Batch],
    *,
    met: Callable[[np.ndarray], None] = lambda bad: None,
) -> Iterator[Rows]:
    """Finished batches: `index`, `label`, `short` [b] and `probabilities` [b, v, k].

    Rows of padding and of videos that could not be read are not among them. met: is shown the
    `bad` of every global batch.
    """
    for batch in batches:
        rows = predict(batch)
        met(rows["bad"])
        names = ("index", "label", "short", "probabilities")
        yield {name: rows[name][rows["mask"]] for name in names}


def predictions(found: Iterable[Rows], *, listed: int) -> Predictions:
    """The best classes of each video by the mean over its views, from what `score` gives.

    listed: how many videos there are. Errors: ValueError when none could be read.
    """
    ranked, short = [], 0
    for rows in found:
        means = rows["probabilities"].mean(axis=1, dtype=np.float64)
        ranked.append({"index": rows["index"], "label": rows["label"], "top": best(means)})
        short += int(rows["short"].sum())
    return merge(ranked, listed=listed, short=short)


def _parts(views: int, *, most: int) -> np.ndarray:
    """The views in parts of `most` or fewer, but at least 1: int [parts, size].

    All of one size, so that one program is compiled; the last view fills the last part.
    """
    count = -(-views // max(1, most))
    size = -(-views // count)
    return np.minimum(np.arange(count * size), views - 1).reshape(count, size)
