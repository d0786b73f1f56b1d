"""Videos that more than one test of this folder decodes."""

from pathlib import Path

import pytest

from tests.data.videos import GOOD, write_video


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("good")
    return {name: write_video(folder / name, **arguments) for name, arguments in GOOD.items()}
