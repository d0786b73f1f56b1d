"""The same model in plain PyTorch: its training step, its forward pass, and its parts alone."""

import functools
import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ila_jax.config import IMAGENET_PIXELS
from ila_jax.sizes import SIZES
from tests.parity.torch_ila import IlaBlock, TorchILA
from tools.gpu_report.rows import CLASSES, Row
from tools.gpu_report.timing import sampled, summary
from tools.gpu_report.turn import tell, wait_for_device

_DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def train(row: Row) -> None:
    """Forward, backward and AdamW in eager mode; with bfloat16 under autocast, as PyTorch does it.

    Clips come as uint8 and are normalised on the device. Unlike the step of ila_jax this one does
    not augment: in PyTorch the loader does.
    """
    _start(row)
    _halving(row, _train)


def _train(row: Row) -> dict[str, Any]:
    model = _model(row).train()
    # fused: one kernel for all parameters, where there is a GPU; PyTorch's fastest form.
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad],
        lr=1e-6, betas=(0.9, 0.98), weight_decay=0.003, fused=_DEVICE == "cuda",
    )  # fmt: skip
    video, text, targets = _inputs(row)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with _autocast(row):
            output = model(_normalised(video), text)
        classification = -(targets * output.logits.float().log_softmax(-1)).sum(-1).mean()
        (classification + output.alignment_loss.sum()).backward()
        optimizer.step()

    return summary(sampled(step, _wait, samples=row.steps), clips=row.batch)


def infer(row: Row) -> None:
    """The forward pass in eager mode, all weights in the row's dtype."""
    _start(row)
    _halving(row, lambda row: _infer(row, _model(row)))


def compiled(row: Row) -> None:
    """The forward pass by `torch.compile`."""
    _start(row)
    _halving(row, lambda row: _infer(row, torch.compile(_model(row))))


def _infer(row: Row, model: Any) -> dict[str, Any]:
    dtype = getattr(torch, row.dtype)
    model = model.eval().to(dtype)
    video, text, _ = _inputs(row)

    def call() -> None:
        model(_normalised(video).to(dtype), text.to(dtype))

    with torch.inference_mode():
        return summary(sampled(call, _wait, samples=row.steps), clips=row.batch)


def parts(row: Row) -> None:
    """Milliseconds of the parts of a block, forward, and forward with backward."""
    _start(row)
    geometry = replace(SIZES[row.size], depth=1)
    tower: Any = TorchILA(geometry, row.frames).visual.transformer
    block = tower.resblocks[0]
    block = _nowhere_zero(block).to(_DEVICE).train()
    for name, call, x in _parts_of(row, block):
        try:
            tell(parts={name: _part(row, call, x)})
        except Exception as error:  # a part that fails must not take the others along
            tell(parts={name: {"error": f"{type(error).__name__}: {error}"[:300]}})


def _parts_of(
    row: Row, block: IlaBlock
) -> Iterator[tuple[str, Callable[[Tensor], Tensor], Tensor]]:
    """Name, call and input; the names are those that ila_jax's parts have."""
    g, d = SIZES[row.size].grid, SIZES[row.size].width
    b, t, n = row.batch, row.frames, g * g + 1
    x = _normal(b, t, n, d)
    yield "spatial block", block.spatial, x
    yield "alignment", lambda x: block.align(x, 0.2)[0], x
    yield "attention", block.attn, x
    yield "MLP", block.mlp, x
    yield "layer norm", block.ln_1, x
    network: Any = block.message_attn.interactive_block
    pairs = _normal(b * (t - 1), g, g, 2 * d).permute(0, 3, 1, 2)
    features = _normal(b * (t - 1), g, g, 256).permute(0, 3, 1, 2)
    yield "interaction network", network, pairs
    yield "point prediction", block.message_attn.prediction_block, features
    yield "depthwise 3x3", network[0].depthwise_conv[0], pairs
    yield "batch norm of 2d", network[0].depthwise_conv[1], pairs
    yield "pointwise", network[0].pointwise_conv[0], pairs
    yield "3x3", network[1], features
    yield "linear of all tokens", block.message_fc, x


def _part(row: Row, call: Callable[[Tensor], Tensor], x: Tensor) -> dict[str, float]:
    """Milliseconds of a call."""
    x = x.to(getattr(torch, row.dtype)).requires_grad_()
    with _autocast(row):
        towards = torch.randn_like(call(x))

    def forward() -> None:
        with torch.no_grad(), _autocast(row):
            call(x)

    def both() -> None:
        x.grad = None
        with _autocast(row):
            y = call(x)
        y.backward(towards)

    return {
        "forward_ms": 1e3 * statistics.median(sampled(forward, _wait, samples=row.steps)),
        "both_ms": 1e3 * statistics.median(sampled(both, _wait, samples=row.steps)),
    }


def _start(row: Row) -> None:
    """Waits for the device, and lets it round float32 products as jax does by default."""
    if os.environ.get("JAX_PLATFORMS") == "cuda" and _DEVICE == "cpu":
        raise RuntimeError("PyTorch sees no GPU, and jax was told to use one: nothing to compare")
    wait_for_device()
    if _DEVICE == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    tell(torch=torch.__version__)
    if row.kind == "torch-train":
        tell(matmul_flops=_matmul_rate(row))


def _matmul_rate(row: Row) -> float:
    """Operations a second of a large matrix product, the best of the samples."""
    side = 8192 if _DEVICE == "cuda" else 1024
    a, b = (_normal(side, side).to(getattr(torch, row.dtype)) for _ in range(2))
    return 2 * side**3 / min(sampled(lambda: a @ b, _wait, samples=row.steps))


def _halving(row: Row, measure: Callable[[Row], dict[str, Any]]) -> None:
    """Measures with the largest batch that fits, of the row's and its halves."""
    while True:
        try:
            found = measure(row)
            break
        except torch.OutOfMemoryError:
            tell(too_large=row.batch)
            if row.batch < 2:
                raise
        # Outside of the handler: the error's traceback holds what did not fit.
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        row = row.halved()
    tell(**found, batch_measured=row.batch, **_peak())


def _peak() -> dict[str, float]:
    return {"peak_gib": torch.cuda.max_memory_allocated() / 2**30} if _DEVICE == "cuda" else {}


def _model(row: Row) -> TorchILA:
    with torch.device(_DEVICE):
        return _nowhere_zero(TorchILA(SIZES[row.size], row.frames))


def _nowhere_zero(module: Any) -> Any:
    """Small numbers in layers that start from zero: products of zeros run faster than others."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1 and not parameter.any():
                parameter.normal_(std=0.02)
    return module


def _inputs(row: Row) -> tuple[Tensor, Tensor, Tensor]:
    """Clips uint8 [b, t, h, w, 3], class features [k, e], soft targets [b, k]."""
    g = SIZES[row.size]
    shape = (row.batch, row.frames, g.resolution, g.resolution, 3)
    video = torch.randint(0, 256, shape, dtype=torch.uint8, device=_DEVICE)
    text = _normal(CLASSES, g.embed)
    return video, text, torch.rand(row.batch, CLASSES, device=_DEVICE).softmax(-1)


def _normal(*shape: int) -> Tensor:
    return torch.randn(shape, device=_DEVICE)


def _normalised(video: Tensor) -> Tensor:
    """[b, t, 3, h, w], as the released models were trained with."""
    mean, std = _pixels()
    return ((video - mean) / std).permute(0, 1, 4, 2, 3)


@functools.cache
def _pixels() -> tuple[Tensor, Tensor]:
    """Mean and deviation of R, G and B, copied to the device once: each copy would wait for it."""
    of = IMAGENET_PIXELS
    return torch.tensor(of.mean, device=_DEVICE), torch.tensor(of.std, device=_DEVICE)


def _autocast(row: Row) -> Any:
    """Products in the row's dtype, weights and sums in float32."""
    dtype = getattr(torch, row.dtype)
    return torch.autocast(_DEVICE, dtype, enabled=dtype is not torch.float32)


def _wait() -> None:
    if _DEVICE == "cuda":
        torch.cuda.synchronize()
