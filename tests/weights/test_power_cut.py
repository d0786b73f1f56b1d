"""New weights are on the disk before the ones that they replace go."""

from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import load, save
from tests.disk_calls import recorded
from tests.models import small


def test_new_weights_are_on_the_disk_before_the_old_ones_go(tmp_path, monkeypatch):
    config = small.config("spatial", "linear")
    recognizer = Recognizer(config, small.filled(config))
    save(recognizer, tmp_path / "model")
    calls = recorded(monkeypatch)
    save(recognizer, tmp_path / "model", force=True)
    name = calls.index("rename model/")
    assert max(k for k, call in enumerate(calls) if call == "sync model.json") < name
    # The folder above holds the name. The first file to go is one of the old weights.
    parent = calls.index(f"sync {tmp_path.name}/", name)
    assert calls.index("unlink model.json") > parent
    assert not [call for call in calls[name:parent] if call.startswith("unlink")]
    monkeypatch.undo()
    assert load(tmp_path / "model").config == config
