"""The temporal blocks of models.md 3, 4, 5 and 7b as plain loops in float64.

Weights are the nested dicts of a block, `w["spatial"]["attn"]["qkv"]["kernel"]` and so on.
"""

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


def joint(x, w):
    """x: [t, n, d]."""
    frames = len(x)
    return np.stack(np.split(block(np.concatenate(list(x)), w["spatial"]), frames))


def tube(tokens, w):
    """The residual of one tube of patches [t, d]."""
    return linear(attention(norm(tokens, w["norm"]), w["attn"]), w["fc"])


def divided(x, w):
    x = x.copy()
    for n in range(1, x.shape[1]):
        x[:, n] += tube(x[:, n], w["temporal"])
    return np.stack([block(frame, w["spatial"]) for frame in x])


def ata(x, w):
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
    return np.stack([block(frame, w["spatial"]) for frame in x])


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


def points(pair, w, stats):
    """The two points of a pair [g, g, 2d], by the K400 form's convolutions."""
    relu = lambda y: np.maximum(y, 0)  # noqa: E731
    look, s = w["interaction"], stats["interaction"]
    f = relu(batch_norm(conv(pair, look["depthwise"], True), look["norm1"], s["norm1"]))
    f = relu(batch_norm(linear(f, look["pointwise"]), look["norm2"], s["norm2"]))
    f = relu(batch_norm(conv(f, look["conv"]), look["norm3"], s["norm3"]))
    predict, s = w["prediction"], stats["prediction"]
    for i in "12":
        y = conv(f, predict[f"conv{i}"])
        f = relu(pool(batch_norm(y, predict[f"norm{i}"], s[f"norm{i}"])))
    hidden = relu(grouped(f.max((0, 1)), predict["fc1"]))
    return 0.75 * np.tanh(grouped(hidden, predict["fc2"])).reshape(2, 2)


def mask(point, grid):
    lines = np.linspace(-1, 1, grid)
    f = lambda delta: 1 if abs(delta) <= 0.25 else max(0, 1 - 1.5 * (abs(delta) - 0.25))  # noqa: E731
    return np.array([[f(y - point[1]) * f(x - point[0]) for x in lines] for y in lines])


def ila_token(x, w, stats):
    """Tokens [t, n, d] and the alignment loss."""
    frames, grid = len(x), round((x.shape[1] - 1) ** 0.5)
    z = x[:, 1:].reshape(frames, grid, grid, -1)
    tokens, losses = [], []
    for t in range(frames - 1):
        pair = points(np.concatenate([z[t], z[t + 1]], axis=-1), w["temporal"], stats["temporal"])
        first, second = (mask(point, grid)[..., None] for point in pair)
        if t == 0:
            tokens.append((first * z[0]).mean((0, 1)))
        tokens.append((second * z[t + 1]).mean((0, 1)))
        a, b = (first * z[t]).sum((0, 1)), (second * z[t + 1]).sum((0, 1))
        losses.append(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    out, spatial = [], w["spatial"]
    for frame, token in zip(x, tokens, strict=True):
        seen = np.concatenate([frame, token[None]])
        y = frame + attention(norm(seen, spatial["norm1"]), spatial["attn"])[:-1]
        out.append(y + mlp(norm(y, spatial["norm2"]), spatial["mlp"]))
    return np.stack(out), np.mean(losses)
