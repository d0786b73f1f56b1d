"""The page in a real browser: upload, result, slider, bad files, and no word to another host.

`tools/test -m slow tests/serving`, with what `tests/browser.py` says.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.browser import Watch, chromium, require, screenshot
from tests.data.videos import write_video
from tests.models import small
from tests.train.runs import ROOT, free_port

pytestmark = pytest.mark.slow
# The server under the tests' guard of the network as well, which notes the hosts it asks for.
_SERVE = """
import os, socket, sys
from tests import conftest

def noted(host, *args, guarded=socket.getaddrinfo, **kwargs):
    if not conftest._local(host):
        with open(os.environ["ASKED"], "a") as file:
            print(host, file=file)
    return guarded(host, *args, **kwargs)

socket.getaddrinfo = noted
from ila_jax.serve.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of a small model that is served by a process of its own."""
    require("gradio", "playwright")
    root = tmp_path_factory.mktemp("served")
    folder, asked = root / "weights", root / "asked"
    config = small.config("ila", classes=len(CLASSES))
    save(Recognizer(config, small.filled(config), CLASSES), folder)
    port = free_port()
    command = [sys.executable, "-c", _SERVE, str(folder), "--port", str(port), "--max-mb", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ASKED": str(asked)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            said = process.stdout.readline()
            assert f"http://127.0.0.1:{port}" in said, said
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    assert not asked.exists(), asked.read_text()


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


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
    assert watch.asked == {"127.0.0.1"}
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
    assert watch.asked == {"127.0.0.1"}
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
