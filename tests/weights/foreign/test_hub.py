"""hf://: the right files, each failure in a sentence, the cache without a network."""

import json
import shutil
import sys

import numpy as np
import pytest

import ila_jax
from ila_jax import convert
from ila_jax.weights.folder import save
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.hub import Place, fetch, place
from tests.weights.foreign.hub_server import REPOSITORY
from tests.weights.foreign.test_folders import OPEN_SETTINGS, SETTINGS
from tests.weights.test_adapt import clip_state

constants = pytest.importorskip("huggingface_hub.constants")
COMMIT = "0" * 40
NAME = f"hf://{REPOSITORY}"
pytestmark = pytest.mark.usefixtures("quick_start")


def index(weights, suffix, stem):
    """The index and the shards of a repository, named as Hugging Face names them."""
    shards = [f"{stem}-0000{i}-of-00002.{suffix}" for i in (1, 2)]
    return {
        f"{stem}.{suffix}.index.json": json.dumps(
            {"weight_map": {"a": shards[0], "b": shards[1]}}
        ).encode(),
        shards[0]: weights[f"first.{suffix}"],
        shards[1]: weights[f"second.{suffix}"],
    }


CONFIG = {"config.json": json.dumps(SETTINGS).encode()}
# What else such repositories hold, and nobody needs.
OTHERS = {"README.md": b"# CLIP", "flax_model.msgpack": bytes(3000), "tf_model.h5": bytes(3000)}


def equal_to_clip(state):
    wanted = clip_state()
    assert state.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(state[name], value, err_msg=name)


def cached(cache, name):
    """The place of a repository in the cache."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "snapshots").mkdir()
    return folder / "snapshots" / COMMIT


def test_without_network_and_cache_it_is_a_sentence(cache):
    with pytest.raises(ValueError, match="hf://a/b is not in the cache and cannot be fetched"):
        ila_jax.load("hf://a/b")


def test_the_cache_is_used_without_network(cache, tmp_path, capsys):
    made = ila_jax.create("tiny", "spatial", 2, head="linear", classes=3)
    save(made, tmp_path / "weights")
    shutil.move(tmp_path / "weights", cached(cache, "a/b"))
    assert ila_jax.load("hf://a/b").config == made.config
    assert "hf://a/b: the copy in the cache is used, as no connection" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["hf://a", "hf:///b", "hf://a/", "hf://a/b@", "hf://a@main/b"])
def test_a_name_of_another_form_is_told(name):
    with pytest.raises(ValueError, match="expected hf://OWNER/NAME"):
        fetch(name)


def test_the_parts_of_an_address():
    for source, wanted in {
        "hf://a/b": Place("a/b", "main", ""),
        "hf://a/b/": Place("a/b", "main", ""),
        "hf://a/b@v1": Place("a/b", "v1", ""),
        "hf://a/b/c.bin": Place("a/b", "main", "c.bin"),
        "hf://a/b@refs/pr/3": Place("a/b", "refs/pr/3", ""),
        "hf://a/b@refs/pr/3/sub/c.bin": Place("a/b", "refs/pr/3", "sub/c.bin"),
        "hf://a/b@my%2Fbranch/c": Place("a/b", "my/branch", "c"),
    }.items():
        assert place(source) == wanted, source


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"pip install 'ila-jax\[hub\]'"):
        fetch("hf://a/b")


@pytest.mark.parametrize("case", ["bin", "safetensors", "both", "bin shards", "shards", "mixed"])
def test_one_set_of_weights_is_fetched_and_safetensors_first(hub, weights, case):
    whole = {"pytorch_model.bin": weights["whole.bin"]}
    safe = {"model.safetensors": weights["whole.safetensors"]}
    bins = index(weights, "bin", "pytorch_model")
    wanted, others = {
        "bin": (whole, {}),
        "safetensors": (safe, {}),
        "both": (safe, whole),
        "bin shards": (bins, {}),
        "shards": (index(weights, "safetensors", "model"), whole | bins),
        "mixed": (safe, bins),
    }[case]
    hub.files["main"] = CONFIG | OTHERS | others | wanted
    equal_to_clip(read(NAME).state)
    assert hub.names() == sorted(CONFIG | wanted)
    before = len(hub.asked)
    equal_to_clip(read(NAME).state)
    assert hub.names() == sorted(CONFIG | wanted)
    assert len(hub.asked) - before <= 2, "what is there is not asked for again"


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_open_clips_files_are_fetched(hub, weights, suffix):
    name = {"safetensors": "open_clip_model.safetensors", "bin": "open_clip_pytorch_model.bin"}
    config = json.dumps(OPEN_SETTINGS).encode()
    wanted = {"open_clip_config.json": config, name[suffix]: weights[f"whole.{suffix}"]}
    # timm's own form of the image tower lies beside, whose config.json is no CLIP's.
    timm = {"config.json": b'{"architecture": "vit"}', "model.safetensors": bytes(3000)}
    hub.files["main"] = OTHERS | timm | wanted
    equal_to_clip(read(NAME).state)
    assert set(hub.names()) - {"config.json"} == wanted.keys()


@pytest.mark.parametrize("revision", ["refs/pr/3", "v1"])
def test_a_revision_and_a_file_of_a_repository(hub, weights, revision):
    hub.files["main"] = {"other.pt": b"another"}
    hub.files[revision] = CONFIG | {"sub/ViT.pt": weights["whole.bin"]}
    equal_to_clip(read(f"{NAME}@{revision}/sub/ViT.pt").state)
    assert hub.names() == ["sub/ViT.pt"]
    with pytest.raises(ValueError, match=r"no file ViT\.pt, but config\.json, sub/ViT\.pt"):
        read(f"{NAME}@{revision}/ViT.pt")
    with pytest.raises(ValueError, match="has no branch, tag or commit v9: see http"):
        read(f"{NAME}@v9")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "sub/pytorch_model.fp16.bin"])
def test_a_file_of_weights_brings_the_configuration_beside_it(hub, weights, name):
    folder = name[: name.rfind("/") + 1]
    config = {
        f"{folder}config.json": CONFIG["config.json"],
        f"{folder}preprocessor_config.json": b'{"image_mean": [0.5, 0.5, 0.5]}',
    }
    hub.files["main"] = config | OTHERS | {name: weights["whole.bin"], "sub/other.json": b"{}"}
    foreign = read(f"{NAME}/{name}")
    equal_to_clip(foreign.state)
    assert foreign.settings == SETTINGS
    assert hub.names() == sorted([name, *config])


def test_a_renamed_repository_is_followed(hub, weights):
    hub.renamed = "old/clip"
    hub.files["main"] = CONFIG | {"pytorch_model.bin": weights["whole.bin"]}
    equal_to_clip(read("hf://old/clip").state)


def test_our_own_folders_are_fetched(hub, tmp_path):
    made = ila_jax.create("tiny", "spatial", 2, head="linear", classes=3)
    save(made, tmp_path / "weights")
    files = [path for path in (tmp_path / "weights").rglob("*") if path.is_file()]
    hub.files["main"] = OTHERS | {
        str(path.relative_to(tmp_path / "weights")): path.read_bytes() for path in files
    }
    assert ila_jax.load(NAME).config == made.config
    assert {"model.json", "weights/checksums.sha256"} < set(hub.names())
    assert not set(hub.names()) & OTHERS.keys()


@pytest.mark.parametrize(
    ("refuses", "message"),
    [
        ({"api": (401, "RepoNotFound")}, "knows no org/name, or it is private"),
        ({"api": (404, "RepoNotFound")}, "knows no org/name, or it is private"),
        ({"api": (404, "")}, "knows no org/name, or it is private"),
        ({"files": (403, "GatedRepo")}, "it is gated: accept its conditions at http"),
        ({"files": (401, "GatedRepo")}, "it is gated: accept its conditions at http"),
        ({"api": (403, "")}, "the hub forbids it"),
        ({"api": (503, "")}, "the hub has a fault of its own"),
        ({"api": (429, "")}, "too many requests"),
    ],
)
def test_every_refusal_is_a_sentence(hub, weights, refuses, message):
    hub.files["main"] = CONFIG | {"pytorch_model.bin": weights["whole.bin"]}
    hub.refuses = refuses
    with pytest.raises(
        ValueError, match=f"hf://org/name .*cannot be fetched: .*{message}"
    ) as error:
        read(NAME)
    assert len(str(error.value)) < 400


def test_a_repository_without_our_weights_says_what_it_has(hub):
    hub.files["main"] = CONFIG | OTHERS
    with pytest.raises(ValueError, match=r"no weights: expected model\.safetensors .* of Flax and"):
        read(NAME)
    hub.files["main"] = {"ViT-B-32.pt": b"x", "README.md": b"x"}
    with pytest.raises(ValueError, match=r"It has ViT-B-32\.pt: name one of these files"):
        read(NAME)


def test_the_command_takes_an_address(hub, weights, tmp_path, capsys):
    hub.files["main"] = CONFIG | {"pytorch_model.bin": weights["whole.bin"]}
    convert.main(["--input", NAME, "--output", str(tmp_path / "w")])
    assert "Hugging Face folder, pytorch_model.bin" in capsys.readouterr().out
    assert (tmp_path / "w" / "model.json").is_file()
