"""The released form of ILA in plain PyTorch, written from models.md (1 and 7a).

A reference for numbers and for speed: eager modules, `conv2d` (ordinary and grouped) and
`scaled_dot_product_attention`. Parameters have the official names, so that `load_state_dict` takes
a released checkpoint's tensors. The text tower is left out: class features are given.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ila_jax.sizes import Geometry
from tests.parity.torch_clip import ClipBlock, CrossAttention, QuickGELU

# models.md 7a, 4 and 5: how far points reach, and the profile of a mask.
_REACH = 0.75
_FLAT = 0.25
_SLOPE = 1.5


class TorchOutput(NamedTuple):
    """logits: [b, k]. features: [b, e]. alignment_loss: one value a block, [depth]."""

    logits: Tensor
    features: Tensor
    alignment_loss: Tensor


class SeparableConv(nn.Module):
    """The K400 form's first step: depthwise 3×3 and pointwise, each with batch norm and ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs)
        self.depthwise_conv = nn.Sequential(depthwise, nn.BatchNorm2d(inputs), nn.ReLU())
        pointwise = nn.Conv2d(inputs, outputs, 1)
        self.pointwise_conv = nn.Sequential(pointwise, nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise_conv(self.depthwise_conv(x))


def interactive_block(width: int, channels: int, convolutions: str) -> nn.Sequential:
    """A pair of maps [m, 2d, g, g] to the interactive features [m, f, g, g]."""
    last = [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
    if convolutions == "k400":
        return nn.Sequential(SeparableConv(2 * width, channels), *last)
    first = nn.Conv2d(2 * width, channels, 3, padding=1)
    return nn.Sequential(first, nn.BatchNorm2d(channels), nn.ReLU(), *last)


def prediction_block(channels: int) -> nn.Sequential:
    """Interactive features to the four numbers of a pair's two points, before tanh: [m, 4, 1]."""
    half, quarter = channels // 2, channels // 4
    return nn.Sequential(
        nn.Conv2d(channels, half, 3, padding=1),
        nn.BatchNorm2d(half),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(half, half, 3, padding=1),
        nn.BatchNorm2d(half),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(2),
        nn.Conv1d(half, quarter, 1, groups=2),
        nn.ReLU(),
        nn.Conv1d(quarter, 4, 1, groups=2),
    )


def masks(points: Tensor, grid: int, noise: float | None) -> Tensor:
    """Masks [m, g, g] around points (x, y) [m, 2]; rows are y.

    noise: ρ, the mean of the nine masks at p + ρ·{−1, 0, 1}², as in training; None in inference.
    """
    if noise is not None:
        steps = torch.tensor([-noise, 0.0, noise], device=points.device, dtype=points.dtype)
        moves = torch.cartesian_prod(steps, steps)
        nine = masks((points[:, None] + moves).flatten(0, 1), grid, None)
        return nine.unflatten(0, (-1, 9)).mean(1)
    lines = torch.linspace(-1, 1, grid, device=points.device, dtype=points.dtype)
    distance = (lines - points[..., None]).abs()
    falling = (1 - _SLOPE * (distance - _FLAT)).clamp(min=0)
    profile = torch.where(distance <= _FLAT, 1.0, falling)
    return profile[:, 1, :, None] * profile[:, 0, None, :]


def per_frame(previous: Tensor, current: Tensor) -> Tensor:
    """What T − 1 pairs say of T frames: [b, t − 1, …] twice to [b, t, …]."""
    inner = (previous[:, 1:] + current[:, :-1]) / 2
    return torch.cat([previous[:, :1], inner, current[:, -1:]], 1)


class MessageAttention(nn.Module):
    """Steps 2 to 7 and 9 of models.md 7a: from the maps u to the aligned and interactive maps."""

    def __init__(self, width: int, convolutions: str, channels: int):
        super().__init__()
        half = channels // 2
        self.interactive_block = interactive_block(width, channels, convolutions)
        self.fc = nn.Linear(half, width)
        self.conv = nn.Conv3d(half, half, (3, 1, 1), padding=(1, 0, 0))
        self.prediction_block = prediction_block(channels)

    def forward(self, u: Tensor, noise: float | None) -> tuple[Tensor, Tensor, Tensor]:
        """u: [b, t, g, g, d]. Returns both maps as [b, t, g, g, d], and the block's loss."""
        pairs = torch.cat([u[:, :-1], u[:, 1:]], -1).flatten(0, 1).permute(0, 3, 1, 2)
        features = self.interactive_block(pairs)
        points = _REACH * torch.tanh(self.prediction_block(features).flatten(1).float())
        # In float32 also under autocast: the masks are few, and the loss is a difference.
        found = [masks(p, u.shape[2], noise) for p in (points[:, :2], points[:, 2:])]
        previous, current = (m.unflatten(0, (u.shape[0], -1)) for m in found)
        aligned = per_frame(previous, current)[..., None].to(u.dtype) * u
        return aligned, self.interactive(features, u.shape[0]), _loss(previous, current, u)

    def interactive(self, features: Tensor, clips: int) -> Tensor:
        """The interactive map [b, t, g, g, d] of features [m, f, g, g]."""
        halves = features.unflatten(0, (clips, -1)).chunk(2, 2)
        of_frames = per_frame(*halves).transpose(1, 2)
        return self.fc(self.conv(of_frames).permute(0, 2, 3, 4, 1))


def _loss(previous: Tensor, current: Tensor, u: Tensor) -> Tensor:
    """1 − cos between the masked sums of neighbouring frames, the mean over clips and pairs."""
    u = u.float()
    first = torch.einsum("bsij,bsijd->bsd", previous, u[:, :-1])
    second = torch.einsum("bsij,bsijd->bsd", current, u[:, 1:])
    return (1 - F.cosine_similarity(first, second, dim=-1)).mean()


class IlaBlock(ClipBlock):
    """Implicit alignment, then CLIP's block on each frame: tokens [b, t, n, d]."""

    def __init__(self, width: int, convolutions: str, channels: int):
        super().__init__(width)
        self.message_fc = nn.Linear(width, width)
        self.message_ln = nn.LayerNorm(width)
        self.message_attn = MessageAttention(width, convolutions, channels)
        self.temporal_skip_fc = nn.Linear(width, width)
        self.temporal_skip_align_fc = nn.Linear(width, width)
        for layer in (self.temporal_skip_fc, self.temporal_skip_align_fc):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def align(self, x: Tensor, noise: float | None) -> tuple[Tensor, Tensor]:
        """What the alignment adds to the tokens, and its loss."""
        u = self.message_ln(self.message_fc(x))
        grid = round((x.shape[2] - 1) ** 0.5)
        maps = u[:, :, 1:].unflatten(2, (grid, grid))
        aligned, interactive, loss = self.message_attn(maps, noise)
        aligned, interactive = (
            torch.cat([u[:, :, :1], y.flatten(2, 3)], 2) for y in (aligned, interactive)
        )
        return self.temporal_skip_align_fc(aligned) + self.temporal_skip_fc(interactive), loss

    # CLIP's part is inherited, not a module of its own: so are the official names.
    def forward(self, x: Tensor, noise: float | None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """The tokens after the block, and its alignment loss."""
        added, loss = self.align(x, noise)
        return self.spatial(x + added), loss


class Blocks(nn.Module):
    """All blocks, under the official names."""

    def __init__(self, blocks: list[IlaBlock]):
        super().__init__()
        self.resblocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, noise: float | None) -> tuple[Tensor, Tensor]:
        """The tokens after all blocks, and each one's alignment loss, [depth]."""
        losses = []
        for block in self.resblocks:
            x, loss = block(x, noise)
            losses.append(loss)
        return x, torch.stack(losses)


class VisionTransformer(nn.Module):
    """CLIP's image tower over frames, with alignment in its blocks."""

    def __init__(self, g: Geometry, convolutions: str, channels: int):
        super().__init__()
        scale = g.width**-0.5
        self.conv1 = nn.Conv2d(3, g.width, g.patch, g.patch, bias=False)
        self.class_embedding = nn.Parameter(scale * torch.randn(g.width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(g.grid**2 + 1, g.width))
        self.ln_pre = nn.LayerNorm(g.width)
        self.transformer = Blocks(
            [IlaBlock(g.width, convolutions, channels) for _ in range(g.depth)]
        )
        self.ln_post = nn.LayerNorm(g.width)
        self.proj = nn.Parameter(scale * torch.randn(g.width, g.embed))

    def forward(self, video: Tensor, noise: float | None) -> tuple[Tensor, Tensor, Tensor]:
        """video: [b, t, 3, h, w]. Projected class tokens, patch tokens, the blocks' losses."""
        x = self.conv1(video.flatten(0, 1)).flatten(2).transpose(1, 2)
        token = self.class_embedding.to(x.dtype).expand(len(x), 1, -1)
        x = torch.cat([token, x], 1) + self.positional_embedding.to(x.dtype)
        x = self.ln_pre(x).unflatten(0, video.shape[:2])
        x, losses = self.transformer(x, noise)
        return self.ln_post(x[:, :, 0]) @ self.proj, x[:, :, 1:], losses


class Integration(nn.Module):
    """Multi-frame integration, with the linear head where there is one."""

    def __init__(self, frames: int, embed: int, classes: int | None, dropout: float):
        super().__init__()
        self.positional_embedding = nn.Parameter(0.02 * torch.randn(1, frames, embed))
        self.resblocks = nn.Sequential(ClipBlock(embed))
        if classes is not None:
            self.classify_head = nn.Sequential(
                nn.LayerNorm(embed), nn.Dropout(dropout), nn.Linear(embed, classes)
            )

    def forward(self, c: Tensor) -> Tensor:
        return (self.resblocks(c + self.positional_embedding) + c).mean(1)


class PromptLayer(nn.Module):
    """τ += CA(LN₁ τ, U, U); τ += MLP(LN₃ τ)."""

    def __init__(self, width: int):
        super().__init__()
        self.cross_attn = CrossAttention(width)
        self.norm1 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)
        # The official names count a dropout, which is at rate 0, between the two layers.
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), QuickGELU(), nn.Identity(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, patches: Tensor) -> Tensor:
        x = x + self.cross_attn(self.norm1(x), patches)
        return x + self.mlp(self.norm3(x))


class Prompts(nn.Module):
    """text' = text + α ⊙ τ, where τ has looked at the video's patches."""

    def __init__(self, embed: int):
        super().__init__()
        self.norm = nn.LayerNorm(embed)
        self.decoder = nn.ModuleList([PromptLayer(embed) for _ in range(2)])
        self.alpha = nn.Parameter(torch.full((embed,), 0.1))

    def forward(self, text: Tensor, patches: Tensor) -> Tensor:
        """text: [k, e]. patches: [b, n, e]. Returns [b, k, e]."""
        patches = self.norm(patches)
        x = text = text.to(patches.dtype).expand(len(patches), -1, -1)
        for layer in self.decoder:
            x = layer(x, patches)
        return text + self.alpha.to(x.dtype) * x


class TorchILA(nn.Module):
    """Image tower, multi-frame integration and a head.

    frames: T. classes: rows of the linear head; None for the text head. convolutions: "k400" or
    "ssv2". noise: ρ of the masks in training mode.
    """

    def __init__(
        self,
        geometry: Geometry,
        frames: int,
        *,
        classes: int | None = None,
        convolutions: str = "k400",
        channels: int = 256,
        dropout: float = 0.0,
        noise: float = 0.2,
    ):
        super().__init__()
        self.noise = noise
        self.visual = VisionTransformer(geometry, convolutions, channels)
        self.mit = Integration(frames, geometry.embed, classes, dropout)
        if classes is None:
            self.prompts_visual_ln = nn.LayerNorm(geometry.width)
            self.prompts_visual_proj = nn.Parameter(torch.randn(geometry.width, geometry.embed))
            self.prompts_generator = Prompts(geometry.embed)
            self.logit_scale = nn.Parameter(torch.tensor(100.0).log(), requires_grad=False)

    def forward(self, video: Tensor, text: Tensor | None) -> TorchOutput:
        """video: normalised, [b, t, 3, h, w]. text: class features [k, e] of the text head."""
        class_tokens, patches, losses = self.visual(video, self.noise if self.training else None)
        features = self.mit(class_tokens)
        if text is None:
            unit = F.normalize(features.float(), dim=-1).to(features.dtype)
            return TorchOutput(self.mit.classify_head(unit), features, losses)
        seen = (self.prompts_visual_ln(patches) @ self.prompts_visual_proj).mean(1)
        prompted = F.normalize(self.prompts_generator(text, seen).float(), dim=-1)
        unit = F.normalize(features.float(), dim=-1)
        logits = self.logit_scale.exp() * torch.einsum("be,bke->bk", unit, prompted)
        return TorchOutput(logits, features, losses)
