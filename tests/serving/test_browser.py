"""The page in a real browser: upload, result, slider, bad files, and no word to another host.

    pip install '.[demo,browser]' && apt install chromium
    tools/test -m slow tests/serving

ILA_CHROMIUM names a browser that is not on the path; ILA_SCREENSHOTS a folder for pictures.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import pytest

from ila_jax.data.motion import CLASSES
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.data.videos import write_video
from tests.models import small
from tests.train.runs import ROOT, free_port

pytestmark = pytest.mark.slow
CHROMIUM = os.environ.get("ILA_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
# The server under the tests' guard as well: a look-up of another host raises there.
_SERVE = "import sys, tests.conftest; from ila_jax.serve import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of a small model that is served by a process of its own."""
    missing = [name for name in ("gradio", "playwright") if not importlib.util.find_spec(name)]
    if missing or not CHROMIUM:
        pytest.skip(
            f"missing: {', '.join([*missing, *(() if CHROMIUM else ('chromium',))])}. "
            "pip install '.[demo,browser]', and a Chromium such as Debian's: apt install chromium"
        )
    folder = tmp_path_factory.mktemp("served") / "weights"
    config = small.config("ila", classes=len(CLASSES))
    save(Recognizer(config, small.filled(config), CLASSES), folder)
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(folder), "--port", str(port), "--max-mb", "2"],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        try:
            said = process.stdout.readline()
            assert f"http://127.0.0.1:{port}" in said, said
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


class Watch:
    """What a page complains of, and whom it asks."""

    def __init__(self, page):
        self.complaints, self.hosts = [], set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlparse(request.url).hostname))

    def _console(self, message):
        # Not its warnings: gradio has one at each upload, that a method is not implemented.
        if message.type == "error":
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'")
    with playwright.sync_playwright() as started:
        # As root, in a container, Chromium's own sandbox cannot be had.
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def screenshot(page, name):
    if folder := os.environ.get("ILA_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def look(page, *files):
    """Gives the page files, and asks for an answer."""
    page.set_input_files("#upload input[type=file]", [str(file) for file in files])
    for file in files:
        page.get_by_text(Path(file).stem).first.wait_for()
    page.click("#look")


def source(page):
    return page.locator("#picture img").get_attribute("src")


def test_the_page_in_a_browser(address, browser, tmp_path):
    page = browser.new_page(viewport={"width": 1300, "height": 1200})
    watch = Watch(page)
    page.goto(address)
    page.locator("#look").wait_for()
    screenshot(page, "1_empty")
    said, best = page.locator("#said"), page.locator("#best")

    page.click("#look")
    said.get_by_text("there is nothing to look at").wait_for()

    page.locator("#example input").click()
    page.get_by_role("option", name="moving left").click()
    page.click("#look")
    said.get_by_text("moving_left.mp4").wait_for(timeout=120_000)
    assert sum(name in best.inner_text() for name in CLASSES) == 5
    assert page.locator("#timeline tr").count() == 0
    screenshot(page, "2_example")
    before = source(page)
    page.locator("#block input[type=number]").fill("1")
    page.locator("#block input[type=number]").press("Enter")
    page.wait_for_function(
        "before => document.querySelector('#picture img')?.src != before", arg=before
    )
    screenshot(page, "3_block")

    look(page, write_video(tmp_path / "long.mp4", count=400))
    said.get_by_text("long.mp4").wait_for(timeout=120_000)
    assert page.locator("#timeline tr").count() == 4  # sixteen seconds in steps of five
    screenshot(page, "4_upload")
    assert watch.complaints == []
    assert watch.hosts == {"127.0.0.1"}
    page.close()


def test_bad_files_are_answered_in_words(address, browser, tmp_path):
    page = browser.new_page()
    watch = Watch(page)
    (tmp_path / "words.mp4").write_text("no video at all")
    (tmp_path / "large.mp4").write_bytes(bytes(3 << 20))
    good = write_video(tmp_path / "good.mp4", count=10)
    for files, words in (
        ([tmp_path / "words.mp4"], "no video container"),
        ([good, tmp_path / "words.mp4"], "2 files at once"),
    ):
        page.goto(address)
        look(page, *files)
        page.locator("#said").get_by_text(words).wait_for()
        assert page.locator("#picture img").count() == 0
        screenshot(page, f"5_{words.replace(' ', '_')}")
    page.goto(address)
    page.set_input_files("#upload input[type=file]", str(tmp_path / "large.mp4"))
    page.get_by_text("exceed the maximum allowed size").first.wait_for()
    screenshot(page, "6_too_large")
    assert watch.hosts == {"127.0.0.1"}
    page.close()


def test_two_visitors_at_once_are_both_answered(address, browser, tmp_path):
    pages = [browser.new_page() for _ in range(2)]
    watches = [Watch(page) for page in pages]
    for name, page in zip(("first", "second"), pages, strict=True):
        page.goto(address)
        page.set_input_files(
            "#upload input[type=file]", str(write_video(tmp_path / f"{name}.mp4", count=100))
        )
        page.get_by_text(name).first.wait_for()
    for page in pages:
        page.click("#look")
    for name, page in zip(("first", "second"), pages, strict=True):
        page.locator("#said").get_by_text(f"{name}.mp4").wait_for(timeout=120_000)
    assert [watch.complaints for watch in watches] == [[], []]
