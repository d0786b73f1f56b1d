"""The temporal models by hand: blocks as plain loops in float64, numbers from models.md.

Weights are the nested dicts of a block, `w["spatial"]["attn"]["qkv"]["kernel"]` and so on. A block
takes the tokens [t, n, d] of a clip, its weights and its running statistics, and gives the tokens
and its auxiliary loss. `MODELS` at the end has a row for each temporal model.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

HEAD = 64
EPS = 1e-5


def norm(x, w):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPS) * w["scale"] + w["bias"]


def linear(x, w):
    return x @ w["kernel"] + w["bias"]


def attention(x, w):
    """x: [n, d]. A loop over heads and queries."""
    q, k, v = np.split(linear(x, w["qkv"]), 3, axis=-1)
    out = np.zeros_like(x)
    for start in range(0, x.shape[1], HEAD):
        part = slice(start, start + HEAD)
        for i in range(len(x)):
            scores = np.array([q[i, part] @ k[j, part] for j in range(len(x))]) / np.sqrt(HEAD)
            weights = np.exp(scores - scores.max())
            out[i, part] = (weights / weights.sum()) @ v[:, part]
    return linear(out, w["out"])


def mlp(x, w):
    h = linear(x, w["fc"])
    return linear(h / (1 + np.exp(-1.702 * h)), w["proj"])


def block(x, w):
    """CLIP's block on [n, d]."""
    x = x + attention(norm(x, w["norm1"]), w["attn"])
    return x + mlp(norm(x, w["norm2"]), w["mlp"])


def read_and_dropped(x, token, w):
    """CLIP's block on [n, d], whose attention also reads a token that its MLP does not see."""
    more = np.concatenate([x, token[None]])
    y = x + attention(norm(more, w["norm1"]), w["attn"])[:-1]
    return y + mlp(norm(y, w["norm2"]), w["mlp"])


def spatial(x, w, stats):
    return np.stack([block(frame, w["spatial"]) for frame in x]), 0


def joint(x, w, stats):
    return np.stack(np.split(block(np.concatenate(list(x)), w["spatial"]), len(x))), 0


def tube(tokens, w):
    """The residual of one tube of patches [t, d]."""
    return linear(attention(norm(tokens, w["norm"]), w["attn"]), w["fc"])


def divided(x, w, stats):
    x = x.copy()
    for n in range(1, x.shape[1]):
        x[:, n] += tube(x[:, n], w["temporal"])
    return spatial(x, w, stats)


def ata(x, w, stats):
    """Serial, frame by frame: each frame is matched to the one before as it is aligned."""
    frames, patches = len(x), x[:, 1:]
    unit = patches / np.linalg.norm(patches, axis=-1, keepdims=True)
    place = [np.arange(patches.shape[1])]
    for t in range(1, frames):
        aligned = unit[t - 1][place[-1]]
        place.append(linear_sum_assignment(aligned @ unit[t].T, maximize=True)[1])
    x = x.copy()
    for i in range(patches.shape[1]):
        rows = [place[t][i] for t in range(frames)]
        residual = tube(np.stack([patches[t, row] for t, row in enumerate(rows)]), w["temporal"])
        for t, row in enumerate(rows):
            x[t, 1 + row] += residual[t]
    return spatial(x, w, stats)


def cross_frame(x, w, stats):
    new = w["temporal"]
    messages = linear(x[:, 0], new["message"])
    messages = messages + attention(norm(messages, new["message_norm"]), new["attn"])
    pairs = zip(x, messages, strict=True)
    return np.stack([read_and_dropped(frame, m, w["spatial"]) for frame, m in pairs]), 0


def batch_norm(x, w, stats):
    return (x - stats["mean"]) / np.sqrt(stats["var"] + EPS) * w["scale"] + w["bias"]


def conv(x, w, depthwise=False):
    """3×3, padding 1, on [g, g, c]."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    out = []
    for i in range(len(x)):
        for j in range(len(x)):
            window = padded[i : i + 3, j : j + 3]
            if depthwise:
                out.append((window * w["kernel"]).sum((0, 1)))
            else:
                out.append(np.einsum("hwi,hwio->o", window, w["kernel"]))
    return np.stack(out).reshape(len(x), len(x), -1) + w["bias"]


def pool(x):
    half = len(x) // 2
    return np.stack(
        [[x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max((0, 1)) for j in range(half)]
         for i in range(half)]
    )  # fmt: skip


def grouped(x, w):
    halves = zip(np.split(x, 2), np.split(w["kernel"], 2, axis=1), strict=True)
    return np.concatenate([part @ kernel for part, kernel in halves]) + w["bias"]


def relu(y):
    return np.maximum(y, 0)


def interaction(pair, w, stats):
    """The features of a pair [g, g, 2d], by the convolutions that there are weights of."""
    if "depthwise" not in w:  # the SSv2 form
        f = relu(batch_norm(conv(pair, w["conv1"]), w["norm1"], stats["norm1"]))
        return relu(batch_norm(conv(f, w["conv2"]), w["norm2"], stats["norm2"]))
    f = relu(batch_norm(conv(pair, w["depthwise"], True), w["norm1"], stats["norm1"]))
    f = relu(batch_norm(linear(f, w["pointwise"]), w["norm2"], stats["norm2"]))
    return relu(batch_norm(conv(f, w["conv"]), w["norm3"], stats["norm3"]))


def prediction(f, w, stats):
    """The two points of a pair, from its features [g, g, f]."""
    for i in "12":
        f = relu(pool(batch_norm(conv(f, w[f"conv{i}"]), w[f"norm{i}"], stats[f"norm{i}"])))
    hidden = relu(grouped(f.max((0, 1)), w["fc1"]))
    return 0.75 * np.tanh(grouped(hidden, w["fc2"])).reshape(2, 2)


def mask(point, grid):
    lines = np.linspace(-1, 1, grid)
    f = lambda delta: 1 if abs(delta) <= 0.25 else max(0, 1 - 1.5 * (abs(delta) - 0.25))  # noqa: E731
    return np.array([[f(y - point[1]) * f(x - point[0]) for x in lines] for y in lines])


def aligned_pairs(maps, w, stats):
    """Of each pair of neighbouring maps [t, g, g, d]: its features, both masks, and its loss."""
    out = []
    for u, later in itertools.pairwise(maps):
        f = interaction(np.concatenate([u, later], axis=-1), w["interaction"], stats["interaction"])
        points = prediction(f, w["prediction"], stats["prediction"])
        first, second = (mask(point, len(u))[..., None] for point in points)
        a, b = (first * u).sum((0, 1)), (second * later).sum((0, 1))
        out.append((f, first, second, 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    return out


def as_maps(x):
    """The patches of [t, n, d] as [t, g, g, d]."""
    grid = round((x.shape[1] - 1) ** 0.5)
    return x[:, 1:].reshape(len(x), grid, grid, -1)


def mean_of_both(t, previous, current):
    """What a frame has from its pairs: as the previous frame of one, the current one of another."""
    halves = ([previous[t]] if t < len(previous) else []) + ([current[t - 1]] if t > 0 else [])
    return sum(halves) / len(halves)


def over_time(maps, w):
    """Convolution over three frames, zero padding, on [t, g, g, c]."""
    nothing = np.zeros_like(maps[:1])
    padded = np.concatenate([nothing, maps, nothing])
    steps = [
        sum(padded[t + i] @ w["kernel"][i] for i in range(3)) + w["bias"] for t in range(len(maps))
    ]
    return np.stack(steps)


def ila(x, w, stats):
    new, frames = w["temporal"], range(len(x))
    u = norm(linear(x, new["message"]), new["message_norm"])
    maps = as_maps(u)
    features, first, second, losses = zip(*aligned_pairs(maps, new, stats["temporal"]), strict=True)
    half = features[0].shape[-1] // 2
    aligned = [mean_of_both(t, first, second) * maps[t] for t in frames]
    early, late = [f[..., :half] for f in features], [f[..., half:] for f in features]
    interactive = np.stack([mean_of_both(t, early, late) for t in frames])
    interactive = linear(over_time(interactive, new["conv"]), new["fc"])
    for skip, added in (("skip_aligned", aligned), ("skip_interactive", interactive)):
        patches = np.stack(added).reshape(len(x), -1, x.shape[-1])
        x = x + linear(np.concatenate([u[:, :1], patches], axis=1), new[skip])
    return spatial(x, w, stats)[0], np.mean(losses)


def ila_token(x, w, stats):
    z = as_maps(x)
    _, first, second, losses = zip(*aligned_pairs(z, w["temporal"], stats["temporal"]), strict=True)
    masks = [first[0], *second]
    tokens = [(m * frame).mean((0, 1)) for m, frame in zip(masks, z, strict=True)]
    pairs = zip(x, tokens, strict=True)
    out = [read_and_dropped(frame, token, w["spatial"]) for frame, token in pairs]
    return np.stack(out), np.mean(losses)


class Reference(NamedTuple):
    """What a temporal model is held against.

    block: its block as loops. added: parameters that it adds to CLIP's image tower of width d,
    depth D and T frames, in the K400 form (models.md 2 to 7). gmacs: of B/32, 8 frames: the tower;
    with multi-frame integration and prompts of 400 classes; of one class with its text
    (complexity.md). sees_order: whether its tower knows the order of frames.
    """

    block: Callable
    added: Callable
    gmacs: tuple[float, float, float]
    sees_order: bool


def step_of(d):
    """Divided attention, ATA and X-CLIP: LN, attention and one linear layer."""
    return 5 * d * d + 7 * d


def none_of(d, D, T):
    return 0


def along_time(d, D, T):
    return D * step_of(d) + T * d


def of_joint(d, D, T):
    return T * d


def of_messages(d, D, T):
    return D * step_of(d)


def of_ila(d, D, T):
    return D * {64: 1_143_236, 768: 3_372_100, 1024: 4_919_876}[d]


def of_ila_token(d, D, T):
    """Depthwise 3×3, its norm and the pointwise layer grow with the width; the rest does not."""
    return D * (536 * d + 1_038_788)


# X-CLIP's messages carry no position: its tower is as blind to order as the spatial one, and only
# multi-frame integration knows it.
MODELS = {
    "clip": Reference(spatial, none_of, (35.27, 35.27, 38.25), False),
    "spatial": Reference(spatial, none_of, (35.27, 37.64, 38.49), False),
    "joint": Reference(joint, of_joint, (37.85, 40.22, 41.07), True),
    "divided": Reference(divided, along_time, (49.20, 51.57, 52.42), True),
    "ata": Reference(ata, along_time, (49.36, 51.72, 52.57), True),
    "xclip": Reference(cross_frame, of_messages, (35.80, 38.16, 39.01), False),
    "ila": Reference(ila, of_ila, (49.89, 52.25, 53.10), True),
    "ila_token": Reference(ila_token, of_ila_token, (40.94, 43.31, 44.16), True),
}
