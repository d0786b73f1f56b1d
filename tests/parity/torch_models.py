"""Real PyTorch models with random weights: transformers' CLIP and X-CLIP, and OpenAI's layout."""

import warnings
from collections import OrderedDict

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of other people's imports
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")

from transformers import CLIPConfig, CLIPModel, XCLIPConfig, XCLIPModel

from ila_jax.sizes import SIZES, Geometry
from tests.golden import weights

TINY = Geometry(
    patch=16, resolution=64, width=128, depth=2, embed=64, text_width=64, text_depth=2,
    vocabulary=512,
)  # fmt: skip
GEOMETRIES = {"tiny": TINY, "B/32": SIZES["B/32"]}


def _towers(g: Geometry) -> dict:
    text = {
        "hidden_size": g.text_width, "intermediate_size": 4 * g.text_width,
        "num_hidden_layers": g.text_depth, "num_attention_heads": g.text_width // 64,
        "vocab_size": g.vocabulary, "max_position_embeddings": g.context,
        # As in OpenAI's own: the end of a text is the highest id.
        "bos_token_id": g.vocabulary - 2, "eos_token_id": g.vocabulary - 1, "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": g.width, "intermediate_size": 4 * g.width, "num_hidden_layers": g.depth,
        "num_attention_heads": g.width // 64, "image_size": g.resolution, "patch_size": g.patch,
    }  # fmt: skip
    return {"text_config": text, "vision_config": vision, "projection_dim": g.embed}


def clip(g: Geometry, seed: int = 0):
    """CLIPModel in inference."""
    return _random(CLIPModel(CLIPConfig(**_towers(g))), seed)


def xclip(g: Geometry, frames: int, seed: int = 0):
    """XCLIPModel in inference."""
    towers = _towers(g)
    towers["vision_config"] |= {
        "num_frames": frames, "mit_hidden_size": g.embed, "mit_intermediate_size": 4 * g.embed,
        "mit_num_attention_heads": g.embed // 64,
    }  # fmt: skip
    return _random(
        XCLIPModel(XCLIPConfig(**towers, prompt_num_attention_heads=g.embed // 64)), seed
    )


def _random(model, seed: int):
    """Every parameter away from its start, so that none can be left out unseen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name == "logit_scale":
                continue
            if parameter.ndim < 2:  # norms' scales stay near one
                parameter.add_(0.1 * noise)
            else:
                parameter.copy_(noise * np.prod(parameter.shape[1:]) ** -0.5)
    return model.eval()


def video(g: Geometry, frames: int, batch: int = 2):
    """[b, t, c, h, w] for PyTorch."""
    return torch.from_numpy(weights.clip(batch, frames, g.resolution))


def tokens(g: Geometry, classes: int = 3):
    return torch.from_numpy(weights.tokens(classes, vocab=g.vocabulary))


class _LayerNorm(torch.nn.LayerNorm):
    """In float32 whatever comes in, as OpenAI's archives do."""

    def forward(self, x):
        return super().forward(x.float()).type(x.dtype)


class _Block(torch.nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.attn = torch.nn.MultiheadAttention(width, width // 64)
        self.ln_1 = _LayerNorm(width)
        linear = OrderedDict(
            c_fc=torch.nn.Linear(width, 4 * width),
            gelu=torch.nn.SiLU(),
            c_proj=torch.nn.Linear(4 * width, width),
        )
        self.mlp = torch.nn.Sequential(linear)
        self.ln_2 = _LayerNorm(width)

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class _Transformer(torch.nn.Module):
    def __init__(self, width: int, depth: int):
        super().__init__()
        self.resblocks = torch.nn.Sequential(*[_Block(width) for _ in range(depth)])

    def forward(self, x):
        return self.resblocks(x)


class _Visual(torch.nn.Module):
    def __init__(self, g: Geometry):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, g.width, g.patch, g.patch, bias=False)
        self.class_embedding = torch.nn.Parameter(torch.zeros(g.width))
        self.positional_embedding = torch.nn.Parameter(torch.zeros(g.grid**2 + 1, g.width))
        self.ln_pre = _LayerNorm(g.width)
        self.transformer = _Transformer(g.width, g.depth)
        self.ln_post = _LayerNorm(g.width)
        self.proj = torch.nn.Parameter(torch.zeros(g.width, g.embed))

    def forward(self, image):
        x = self.conv1(image).flatten(2).transpose(1, 2)
        token = self.class_embedding.to(x.dtype).expand(len(x), 1, -1)
        x = torch.cat([token, x], 1) + self.positional_embedding.to(x.dtype)
        x = self.transformer(self.ln_pre(x).transpose(0, 1)).transpose(0, 1)
        return self.ln_post(x[:, 0]) @ self.proj


class OpenAI(torch.nn.Module):
    """Names, precisions and extra entries of OpenAI's archives; what it computes is nobody's."""

    def __init__(self, g: Geometry):
        super().__init__()
        self.visual = _Visual(g)
        self.transformer = _Transformer(g.text_width, g.text_depth)
        self.token_embedding = torch.nn.Embedding(g.vocabulary, g.text_width)
        self.positional_embedding = torch.nn.Parameter(torch.zeros(g.context, g.text_width))
        self.ln_final = _LayerNorm(g.text_width)
        self.text_projection = torch.nn.Parameter(torch.zeros(g.text_width, g.embed))
        self.logit_scale = torch.nn.Parameter(torch.zeros([]))
        for name, value in (
            ("input_resolution", g.resolution),
            ("context_length", g.context),
            ("vocab_size", g.vocabulary),
        ):
            self.register_buffer(name, torch.tensor(value))

    def forward(self, image, text):
        x = self.token_embedding(text) + self.positional_embedding
        x = x.to(self.text_projection.dtype).transpose(0, 1)
        x = self.ln_final(self.transformer(x).transpose(0, 1))
        x = x[torch.arange(len(x)), text.argmax(1)] @ self.text_projection
        return self.visual(image) @ x.T * self.logit_scale.exp()


def openai_archive(path, g: Geometry, state) -> None:
    """A traced model of these official weights, in half precision where OpenAI's is."""
    model = OpenAI(g)
    sizes = {k: v for k, v in model.state_dict().items() if k not in state}
    model.load_state_dict(dict(state) | sizes)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d | torch.nn.MultiheadAttention):
            module.half()
    for module, name in ((model, "text_projection"), (model.visual, "proj")):
        getattr(module, name).data = getattr(module, name).data.half()
    # In training mode: inference takes a fused path that cannot be traced.
    image = torch.zeros(1, 3, g.resolution, g.resolution, dtype=torch.half)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; OpenAI's files remain
        traced = torch.jit.trace(model, (image, tokens(g, 1)), check_trace=False)
        torch.jit.save(traced, str(path))
