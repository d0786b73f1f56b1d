"""A model goes to the hub and comes back bit for bit, and whatever hinders it is a sentence."""

import dataclasses
import errno
import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from scipy.special import expit

import ila_jax
from ila_jax import upload
from ila_jax.pixels import normalise
from ila_jax.recognizer import Origin, Recognizer
from ila_jax.weights import hub_folder
from ila_jax.weights.folder import save as save_by_orbax
from ila_jax.weights.hub_card import without_private_paths
from tests.models import small
from tests.weights.foreign.hub_server import REPOSITORY

constants = pytest.importorskip("huggingface_hub.constants")
NAME = f"hf://{REPOSITORY}"
NAMES = ["one", "two: three", "four", "fünf", "six"]
FILES = ["README.md", "calibration.json", "model.json", "model.safetensors"]
pytestmark = [
    pytest.mark.usefixtures("quick_start"),
    # Of the library, where it sends a large file.
    pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def trained():
    """A model with all that a fine-tuning leaves; its classes do not exclude each other."""
    one_block = dataclasses.replace(small.SHAPE, depth=1)  # which compiles fast
    config = small.config("ila", "linear", shape=one_block, probabilities="sigmoid")
    made = Recognizer(
        config, small.filled(config), NAMES, Origin(kind="clip", fresh=("a",)), temperature=1.75
    )
    return made.with_views(clips=2, crops=1)


@pytest.fixture
def empty(hub, monkeypatch):
    """A hub without the repository, where one may write, by the protocol that is plain HTTP."""
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    hub.exists = False
    return hub


def equal(loaded, saved):
    """The same in each bit of the weights, and in all that predicting needs."""
    for kept in ("config", "class_names", "views", "temperature", "origin"):
        assert getattr(loaded, kept) == getattr(saved, kept), kept
    assert jax.tree.structure(loaded.variables) == jax.tree.structure(saved.variables)
    jax.tree.map(np.testing.assert_array_equal, loaded.variables, saved.variables)
    video = small.video()
    np.testing.assert_array_equal(loaded.logits(video), saved.logits(video))


def test_a_model_comes_back_from_the_hub_bit_for_bit(empty, trained):
    address = ila_jax.push(trained, NAME)
    assert empty.private
    assert sorted(empty.files["main"]) == FILES
    assert address.endswith(f"/{REPOSITORY}/commit/{empty.commit('main')[0]}")
    loaded = ila_jax.load(NAME)
    equal(loaded, trained)
    frames = np.random.default_rng(0).integers(0, 256, (5, 20, 30, 3), np.uint8)
    assert loaded.predict(frames, threshold=0.2) == trained.predict(frames, threshold=0.2)
    # Its temperature divides the logits of each class, as its sigmoid is of each.
    views = trained.look(frames)
    logits = trained.logits(normalise(jnp.asarray(views), by=trained.config.pixels))
    np.testing.assert_allclose(trained.probabilities(views), expit(logits / 1.75), atol=1e-5)


def test_the_page_has_the_front_matter_that_the_hub_sorts_by(empty, trained):
    private = "# Mine\n\nClips of /home/me/secret plans/clips, run in `/home/me/models/mine/run`."
    hub_folder.push(trained, REPOSITORY, public=True, card=private)
    assert not empty.private
    page = empty.files["main"]["README.md"].decode()
    _, front, text = page.split("---\n", 2)
    about = yaml.safe_load(front)
    assert (about["library_name"], about["pipeline_tag"]) == ("ila_jax", "video-classification")
    assert f'ila_jax.load("{NAME}")' in text
    assert "- two: three\n" in text
    assert "2 clips × 1 crops" in text
    assert "sigmoid; temperature: 1.75" in text
    assert "\n## Mine\n" in text
    assert "run in `run`." in text
    assert "/home" not in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`predict '/home/ann lee/my run' x`", "`predict 'my run' x`"),
        ('from "/home/ann lee/clips"', 'from "clips"'),
        ("| from | /home/ann lee/my clips |\n", "| from | my clips |\n"),
        ("of file:///home/ann/clips.", "of clips."),
        (
            "see https://example.org/a/b and a/b, 3/4/5",
            "see https://example.org/a/b and a/b, 3/4/5",
        ),
    ],
)
def test_of_private_paths_the_last_part_is_left(text, expected):
    assert without_private_paths(text) == expected


def test_what_is_there_is_replaced_only_when_asked_for(empty, trained):
    empty.exists = True
    mine = {"README.md": b"mine", "weights/old": b"1", "calibration.json": b"2", "notes": b"3"}
    empty.files["main"] = dict(mine)
    with pytest.raises(
        ValueError, match=r"has files, such as README.md.*nothing was uploaded.*rep"
    ):
        ila_jax.push(trained, NAME)
    assert empty.files["main"] == mine
    other = Recognizer(trained.config, trained.variables, NAMES)
    ila_jax.push(other, NAME, replace=True)
    assert sorted(empty.files["main"]) == ["README.md", "model.json", "model.safetensors", "notes"]
    equal(ila_jax.load(NAME), other)


def test_a_branch_of_a_repository_that_is_not_there_makes_none(empty, trained):
    message = r"there is no org/name that this token may see, .* upload to hf://org/name, make"
    with pytest.raises(ValueError, match=message):
        ila_jax.push(trained, f"{NAME}@trial")
    assert not empty.exists


def test_the_target_is_asked_for_before_the_model_is_read(empty, tmp_path, capsys):
    gone = str(tmp_path / "gone")
    empty.exists, empty.files["main"] = True, {"README.md": b"mine"}
    assert upload.main([gone, NAME]) == 1
    assert "org/name has files, such as README.md" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    assert upload.main([gone, str(tmp_path / "mine")]) == 1
    assert "mine exists: give the name of a folder to be made" in capsys.readouterr().err


def test_only_what_may_be_made_anew_counts_as_empty(empty, trained):
    """The hub itself puts a file into a repository that it makes."""
    empty.exists, empty.files["main"] = True, {".gitattributes": b"lfs"}
    ila_jax.push(trained, NAME)
    assert sorted(empty.files["main"]) == [".gitattributes", *FILES]


@pytest.mark.parametrize(
    ("refuses", "message"),
    [
        ({"create": (403, "")}, "the hub forbids it .*: the token is not valid, or may not write"),
        ({"create": (404, "")}, "knows no org/name"),
        ({"commit": (403, "")}, "may not write for org; log in with"),
        ({"commit": (412, "")}, "it was changed there in the meantime"),
        ({"upload": (413, "")}, "the hub has no room for it"),
        ({"api": (503, "")}, "the hub has a fault of its own"),
    ],
)
def test_every_refusal_is_a_sentence(empty, trained, monkeypatch, refuses, message):
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the library waits before each new try
    empty.refuses, empty.exists = refuses, "create" not in refuses
    with pytest.raises(ValueError, match=f"{NAME} cannot be written: .*{message}") as error:
        ila_jax.push(trained, NAME)
    assert len(str(error.value)) < 500
    assert empty.files["main"] == {}


def test_without_a_right_token_nothing_is_sent(empty, trained, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ValueError, match="the token is not valid, or may not write for org"):
        ila_jax.push(trained, NAME)
    monkeypatch.delenv("HF_TOKEN")
    asked = len(empty.asked)
    with pytest.raises(ValueError, match=r"there is no token\. Log in with `hf auth login`"):
        ila_jax.push(trained, NAME)
    assert len(empty.asked) == asked
    for name in (f"{NAME}/model.json", "name"):
        monkeypatch.setenv("HF_TOKEN", "hf_right")
        with pytest.raises(ValueError, match="expected hf://OWNER/NAME"):
            ila_jax.push(trained, name)


def test_an_upload_that_is_cut_off_changes_nothing_and_begins_again(empty, trained, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    empty.cuts = 100
    with pytest.raises(ValueError, match=r"no connection, or it broke off.*same call begins again"):
        ila_jax.push(trained, NAME)
    assert empty.files["main"] == {}
    empty.cuts = 0
    ila_jax.push(trained, NAME)  # the repository is there, and empty
    equal(ila_jax.load(NAME), trained)


def test_a_full_disk_is_told(empty, trained, monkeypatch):
    def full(folder, variables):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(hub_folder, "write_weights", full)
    with pytest.raises(OSError, match="cannot be written to: no space is left on the device"):
        ila_jax.push(trained, NAME)
    assert empty.files["main"] == {}


def test_a_folder_on_the_disk_is_the_same(trained, tmp_path):
    ila_jax.save(trained, tmp_path / "mine")
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == FILES
    equal(ila_jax.load(tmp_path / "mine"), trained)
    with pytest.raises(ValueError, match="mine exists"):
        ila_jax.save(trained, tmp_path / "mine")
    with pytest.raises(ValueError, match="this is the inference form"):
        ila_jax.save(trained.for_inference(), tmp_path / "folded")
    text = small.config("spatial", "text")
    other = Recognizer(text, small.filled(text))
    ila_jax.save(other, tmp_path / "mine", force=True)
    assert "calibration.json" not in [path.name for path in (tmp_path / "mine").iterdir()]
    equal_names = ila_jax.load(tmp_path / "mine").with_classes(["a", "b"])
    equal(equal_names, other.with_classes(["a", "b"]))
    latin = other.with_classes(["caf\udce9", "b"])  # of a folder's name that is not UTF-8
    ila_jax.save(latin, tmp_path / "mine", force=True)
    equal(ila_jax.load(tmp_path / "mine"), latin)
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = safetensors.load_file(tmp_path / "mine" / "model.safetensors")
    wanted = small.flat(other.variables.params)["visual/projection/kernel"]
    np.testing.assert_array_equal(arrays["params/visual/projection/kernel"], wanted)


def test_a_damaged_folder_is_told_in_words(trained, tmp_path):
    ila_jax.save(trained, tmp_path / "mine")
    file = tmp_path / "mine" / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match="is not as it was written, by the sha256"):
        ila_jax.load(tmp_path / "mine")
    for damaged in (whole[:-100], b""):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model.safetensors is damaged: .* fetch it again"):
            ila_jax.load(tmp_path / "mine")
    file.write_bytes(whole)
    about = tmp_path / "mine" / "model.json"
    content = json.loads(about.read_text())
    content["model"]["channels"] = 8
    about.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"does not fit its model\.json: "):
        ila_jax.load(tmp_path / "mine")


def test_the_command_uploads_a_fine_tunings_run_with_its_card(empty, trained, tmp_path, capsys):
    folder = tmp_path / "models" / "mine"
    save_by_orbax(trained, folder / "run")
    (folder / "finetune.json").write_text("{}")
    (folder / "card.md").write_text(f"# Clips\n\nof `{tmp_path}/clips`\n")
    assert upload.main([str(folder), NAME]) == 0
    assert "uploaded: http" in capsys.readouterr().out
    assert "## Clips\n\nof `clips`" in empty.files["main"]["README.md"].decode()
    assert ila_jax.load(NAME).class_names == tuple(NAMES)
    assert upload.main([str(folder / "run"), NAME]) == 1
    assert "has files, such as README.md" in capsys.readouterr().err
    assert upload.main([str(folder), str(tmp_path / "kept")]) == 0
    assert ila_jax.load(tmp_path / "kept").class_names == tuple(NAMES)


def test_the_extra_is_named_before_a_model_is_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert upload.main([str(tmp_path / "gone"), NAME]) == 1
    assert "pip install 'ila-jax[hub]'" in capsys.readouterr().err


def test_a_card_goes_with_the_run_that_it_describes_and_with_no_other(trained, tmp_path):
    folder = tmp_path / "mine"
    save_by_orbax(trained, folder / "run")
    save_by_orbax(trained, folder / "weights")  # those that the fine-tuning started from
    save_by_orbax(trained, tmp_path / "mine@2")
    (folder / "finetune.json").write_text("{}")
    (folder / "card.md").write_text("measured of the run")
    for name in ("mine", "mine@best", "mine/run", "mine/run@3", "mine/weights", "mine@2"):
        assert upload.main([str(tmp_path / name), str(tmp_path / "out"), "--replace"]) == 0
        card = "measured of the run" in (tmp_path / "out" / "README.md").read_text()
        assert card == (name in ("mine", "mine@best", "mine/run")), name


def test_an_address_is_no_name_of_a_folder(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_by_orbax(trained, tmp_path / "mine")
    assert upload.main(["mine", "https://huggingface.co/org/name"]) == 1
    assert (
        "is an address and no folder: models are uploaded to hf://OWNER/NAME"
        in capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
