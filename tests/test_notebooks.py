"""Every notebook of docs/ runs from its first cell to its last, in an empty folder."""

import os
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))
# Something of what each prints or shows at its end.
SHOWS = {"classify": "image/png", "finetune": "macro accuracy"}
# What takes minutes in a notebook, and what it is run with here.
SHORTER = {
    "--config.train.steps=750": "--config.train.steps=20 --config.optimizer.warmup_epochs=0.1 "
    "--config.data.motion_pairs.train_clips=64 --config.data.motion_pairs.validation_clips=16"
}


def shortened(path):
    text = path.read_text("utf-8")
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    return text


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    """A cell that fails ends it: so does a command in one, as its cells are %%bash.

    It needs `pip install -e '.[notebooks,plots]'`.
    """
    import nbclient
    import nbformat

    # The kernel and what its cells start are this Python, whatever else is on the path.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    notebook = nbformat.reads(shortened(path), as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert SHOWS[path.stem] in nbformat.writes(notebook)


def test_nothing_is_shortened_that_is_gone():
    texts = [path.read_text("utf-8") for path in NOTEBOOKS]
    assert [long for long in SHORTER if not any(long in text for text in texts)] == []


def test_notebooks_are_kept_without_what_they_printed():
    """Outputs are of a machine and a day: whoever runs the notebook has their own."""
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        text = path.read_text()
        assert '"outputs": []' in text
        assert '"output_type"' not in text
