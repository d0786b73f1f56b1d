"""CLIP's layers in plain PyTorch, written from models.md (1), under the official names."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class QuickGELU(nn.Module):
    """CLIP's activation, z·σ(1.702 z)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class SelfAttention(nn.Module):
    """Attention with fused q, k and v, whose parameters are named as `nn.MultiheadAttention`'s."""

    def __init__(self, width: int):
        super().__init__()
        self.heads = width // 64
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., n, d]."""
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        qkv = qkv.reshape(-1, x.shape[-2], 3, self.heads, 64).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        return self.out_proj(y.transpose(1, 2).reshape(x.shape))


class CrossAttention(nn.Module):
    """Class features attend to patches; q, k and v without a bias, the output with one."""

    def __init__(self, width: int):
        super().__init__()
        self.heads = width // 64
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, patches: Tensor) -> Tensor:
        """x: [b, k, e]. patches: [b, n, e]."""
        q, k, v = (
            y.unflatten(-1, (self.heads, 64)).transpose(1, 2)
            for y in (self.q_proj(x), self.k_proj(patches), self.v_proj(patches))
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).flatten(2))


class ClipBlock(nn.Module):
    """CLIP's residual block on tokens [..., n, d]."""

    def __init__(self, width: int):
        super().__init__()
        self.attn = SelfAttention(width)
        self.ln_1 = nn.LayerNorm(width)
        layers = OrderedDict(
            c_fc=nn.Linear(width, 4 * width),
            gelu=QuickGELU(),
            c_proj=nn.Linear(4 * width, width),
        )
        self.mlp = nn.Sequential(layers)
        self.ln_2 = nn.LayerNorm(width)

    def spatial(self, x: Tensor) -> Tensor:
        """x += MHA(LN₁ x); x += MLP(LN₂ x)."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(x)
