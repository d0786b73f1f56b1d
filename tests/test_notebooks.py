"""Every notebook of docs/ runs from its first cell to its last, in an empty folder."""

import os
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    """A cell that fails ends it: so does a command in one, as its cells are %%bash.

    It needs `pip install -e '.[notebooks]'`.
    """
    import nbclient
    import nbformat

    # The kernel and what its cells start are this Python, whatever else is on the path.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert "macro accuracy" in nbformat.writes(notebook)


def test_notebooks_are_kept_without_what_they_printed():
    """Outputs are of a machine and a day: whoever runs the notebook has their own."""
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        text = path.read_text()
        assert '"outputs": []' in text
        assert '"output_type"' not in text
