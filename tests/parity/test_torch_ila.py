"""The tower in plain PyTorch that speed is compared with computes what the released one does."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from ila_jax.sizes import SIZES
from ila_jax.train.losses import cross_entropy
from ila_jax.weights.state_dict import official_state
from tests.golden import cases
from tests.models import small
from tests.parity.torch_ila import TorchILA

GOLDENS = ["ila_k400_tiny", "ila_ssv2_tiny", "ila_k400_tiny16"]
TRAINED = ["ila_k400_tiny", "ila_ssv2_tiny"]
# Tensors of the text tower, which the PyTorch model does not have: class features are given.
TEXT = ("transformer.", "token_embedding.", "ln_final.", "positional_embedding", "text_projection")


def filled(config, state):
    """The PyTorch model of a configuration with these official tensors, in inference."""
    made = TorchILA(
        config.geometry(),
        config.frames,
        classes=config.classes,
        convolutions=config.convolutions,
        channels=config.channels,
    )
    of_it = {
        name: torch.from_numpy(np.array(value))
        for name, value in state.items()
        if not name.startswith(TEXT)
    }
    made.load_state_dict(of_it)
    return made.eval()


def golden(case):
    """The model of a case, its video, and its class features."""
    expected = cases.expected(case)
    video = torch.from_numpy(np.ascontiguousarray(cases.video(case).transpose(0, 1, 4, 2, 3)))
    text = expected.get("eval/text_features")
    made = filled(cases.recognizer(case).config, cases.state(case))
    return made, video, None if text is None else torch.from_numpy(text), expected


def total_loss(output, targets):
    """Soft cross entropy, and that with the blocks' alignment losses."""
    classification = -(targets * output.logits.log_softmax(-1)).sum(-1).mean()
    return classification, classification + output.alignment_loss.sum()


@functools.cache
def trained(case):
    """A case after one pass in training: its model with gradients, its output, what is expected."""
    made, video, text, expected = golden(case)
    output = made.train()(video, text)
    classification, total = total_loss(output, torch.from_numpy(cases.targets(case)))
    total.backward()
    return made, output, classification, expected


@pytest.mark.parametrize("case", GOLDENS)
def test_inference_equals_the_released_model(case):
    _check_inference(case)


@pytest.mark.slow
def test_inference_of_b32_equals_the_released_model():
    _check_inference("ila_k400_b32_8f")


def _check_inference(case):
    made, video, text, expected = golden(case)
    with torch.inference_mode():
        output = made(video, text)
    scale = np.abs(expected["eval/logits"]).max()
    np.testing.assert_allclose(output.logits, expected["eval/logits"], atol=1e-5 * scale, rtol=0)
    np.testing.assert_allclose(
        output.alignment_loss, expected["eval/alignment_loss"], atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("case", TRAINED)
def test_a_training_pass_equals_the_released_model(case):
    _, output, classification, expected = trained(case)
    scale = np.abs(expected["train/logits"]).max()
    logits = output.logits.detach()
    np.testing.assert_allclose(logits, expected["train/logits"], atol=1e-5 * scale, rtol=0)
    losses = output.alignment_loss.detach()
    np.testing.assert_allclose(losses, expected["train/alignment_loss"], atol=1e-5, rtol=0)
    assert classification.item() == pytest.approx(
        float(expected["train/classification_loss"]), abs=1e-5
    )


@pytest.mark.parametrize("case", TRAINED)
def test_every_gradient_norm_equals_the_released_models(case):
    made, _, _, expected = trained(case)
    for name, parameter in made.named_parameters():
        if name == "logit_scale":
            continue  # frozen
        norm = float(expected[f"train/grad_norm/{name}"])
        assert parameter.grad.norm().item() == pytest.approx(norm, rel=3e-4, abs=1e-6), name


@pytest.mark.parametrize("case", TRAINED)
def test_every_running_statistic_equals_the_released_models(case):
    made, _, _, expected = trained(case)
    for name, value in made.named_buffers():
        if name.endswith("num_batches_tracked"):
            continue  # starts from another number, and nothing computes with it
        np.testing.assert_allclose(value, expected[f"train/buffer/{name}"], atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("head", "convolutions"), [("text", "k400"), ("linear", "ssv2")])
def test_every_gradient_equals_that_of_ila_jax(head, convolutions):
    config = small.config(head=head, convolutions=convolutions)
    variables = small.filled(config)
    video, rng = small.video(), np.random.default_rng(0)
    text = None
    if head == "text":
        text = rng.standard_normal((small.CLASSES, config.geometry().embed)).astype(np.float32)
    targets = rng.dirichlet(np.ones(small.CLASSES), len(video)).astype(np.float32)

    def total(params):
        whole = Variables(params, variables.batch_stats)
        output, _ = model.apply(config, whole, video, text, small.training())
        return cross_entropy(output.logits, targets) + output.alignment_loss.sum()

    gradients = jax.jit(jax.grad(total), compiler_options=small.QUICK)(variables.params)
    ours = official_state(Recognizer(config, Variables(gradients, variables.batch_stats)))
    made = filled(config, official_state(Recognizer(config, variables)))
    frames = torch.from_numpy(np.asarray(video).transpose(0, 1, 4, 2, 3).copy())
    output = made.train()(frames, None if text is None else torch.from_numpy(text))
    total_loss(output, torch.from_numpy(targets))[1].backward()
    for name, parameter in made.named_parameters():
        if parameter.requires_grad:
            scale = max(np.abs(ours[name]).max(), 1e-3)
            np.testing.assert_allclose(
                parameter.grad, ours[name], atol=1e-4 * scale, rtol=0, err_msg=name
            )


@pytest.mark.slow
@pytest.mark.parametrize("size", ["B/32", "B/16", "L/14", "L/14@336"])
def test_every_size_has_the_official_shapes(size):
    config = dataclasses.replace(
        cases.recognizer("ila_k400_tiny").config, size=size, shape=None, channels=256, frames=8
    )
    with torch.device("meta"):
        made = TorchILA(SIZES[size], 8)
    shapes = jax.eval_shape(lambda: model.initialize(config, 0))
    zeros = jax.tree.map(lambda x: np.broadcast_to(np.float32(0), x.shape), shapes)
    names = official_state(Recognizer(config, Variables(*zeros)))
    expected = {n: v.shape for n, v in names.items() if not n.startswith(TEXT)}
    assert {n: tuple(v.shape) for n, v in made.state_dict().items()} == expected
