"""The page in a real browser: upload, result, slider, bad files, and no word to another host.

Of one model and of two, by keyboard and on a telephone's width. `tools/test -m slow tests/serve`,
with what `tests/browser.py` says.
"""

import csv
import os
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.browser import (
    Watch,
    chromium,
    failings,
    is_as_wide_as_its_window,
    require,
    screenshot,
)
from tests.data.videos import write_video
from tests.models import small
from tests.train.runs import ROOT, free_port

pytestmark = pytest.mark.slow
# Milliseconds for an answer, on a machine that is busy with other things.
_PATIENCE = 600_000
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


@contextmanager
def serving(root, **models):
    """The address of a page that a process of its own serves. models: classes by temporal model."""
    require("gradio", "playwright", "axe_playwright_python")
    asked, folders = root / "asked", []
    for temporal, names in models.items():
        config = small.config(temporal, classes=len(names))
        save(Recognizer(config, small.filled(config), names), root / temporal)
        folders.append(str(root / temporal))
    port = free_port()
    command = [sys.executable, "-c", _SERVE, *folders, "--port", str(port), "--max-mb", "2"]
    command += ["--time-limit", "3600"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ASKED": str(asked)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            line = process.stdout.readline()
            assert f"http://127.0.0.1:{port}" in line, line
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    assert not asked.exists(), asked.read_text()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of one small model."""
    with serving(tmp_path_factory.mktemp("one"), ila=CLASSES) as address:
        yield address


@pytest.fixture(scope="module")
def comparing(tmp_path_factory):
    """A page that compares two small models, each with a class that the other does not know."""
    other = [*CLASSES[1:], "standing, or waiting"]
    with serving(tmp_path_factory.mktemp("two"), ila=CLASSES, spatial=other) as address:
        yield address


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
    return page.locator("#pictures img").nth(-1).get_attribute("src")


def test_the_page_in_a_browser(address, browser, tmp_path):
    page = browser.new_page(viewport={"width": 1300, "height": 1200})
    watch = Watch(page)
    page.goto(address)
    page.locator("#look").wait_for()
    screenshot(page, "1_empty")
    message, best = page.locator("#message"), page.locator("#best")

    page.click("#look")
    message.get_by_text("there is nothing to look at").wait_for()

    page.locator("#example input").click()
    page.get_by_role("option", name="moving left").click()
    page.click("#look")
    message.get_by_text("moving_left.mp4", exact=True).wait_for(timeout=_PATIENCE)
    assert sum(name in best.inner_text() for name in CLASSES) == 5
    assert page.locator("#timeline tbody tr").count() == 0
    screenshot(page, "2_example")
    before = source(page)
    page.locator("#block input[type=number]").fill("1")
    page.locator("#block input[type=number]").press("Enter")
    page.wait_for_function(
        "before => [...document.querySelectorAll('#pictures img')].at(-1)?.src != before",
        arg=before,
    )
    screenshot(page, "3_block")

    look(page, write_video(tmp_path / "long.mp4", count=400))
    # While it looks, or after: what it shows in the end is of this block.
    message.get_by_text("long.mp4").first.wait_for(timeout=_PATIENCE)
    page.locator("#block input[type=number]").fill("2")
    page.locator("#block input[type=number]").press("Enter")
    message.get_by_text("long.mp4", exact=True).wait_for(timeout=_PATIENCE)
    assert page.locator("#timeline tbody tr").count() == 4  # sixteen seconds in steps of five
    page.locator("#pictures").get_by_text("block 2 of 2").wait_for(timeout=_PATIENCE)
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
        page.locator("#message").get_by_text(words).wait_for(timeout=_PATIENCE)
        assert page.locator("#pictures img").count() == 0
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
        page.locator("#message").get_by_text(f"{name}.mp4", exact=True).wait_for(timeout=_PATIENCE)
    assert [watch.complaints for watch in watches] == [[], []]


# What has the focus: its part of the page, its tag and type, and whether it shows the focus.
_FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const part = element.closest('#upload, #example, #look, #best, #timeline, #block, #pictures');
  const shown = style.outlineStyle != 'none' && parseFloat(style.outlineWidth) > 1;
  return [part?.id ?? '', element.tagName, element.type ?? '', shown];
}"""


def test_two_models_are_compared_and_the_timeline_is_downloaded(comparing, browser, tmp_path):
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    watch = Watch(page)
    page.goto(comparing)
    look(page, write_video(tmp_path / "long.mp4", count=400))
    message = page.locator("#message")
    message.get_by_text("long.mp4", exact=True).wait_for(timeout=_PATIENCE)
    page.locator("#pictures img").nth(-1).wait_for()
    assert "The models know different classes: 7 are known to both" in message.inner_text()
    assert page.locator("#timeline th[scope=col]").all_inner_texts() == [
        "time", "ila", "spatial", "same?",
    ]  # fmt: skip
    assert page.locator("#timeline .sign").count() == 4
    assert page.locator("#pictures h2").count() == 2
    # What changes in there is read out.
    assert "long.mp4" in message.get_by_role("status").inner_text()
    with page.expect_download() as download:
        page.locator("#timeline a").click()
    assert download.value.suggested_filename == "long.csv"
    rows = list(csv.DictReader(Path(download.value.path()).read_text("utf-8").splitlines()))
    assert {row["model"] for row in rows} == {"ila", "spatial"}
    assert len(rows) == 2 * 5 * (1 + 4)  # models, classes, the video and its windows
    with page.expect_download() as download:
        page.locator("#pictures a").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    assert failings(page) == []
    assert watch.complaints == []
    assert watch.asked <= {"127.0.0.1", "data", "blob"}
    screenshot(page, "7_two_dark")
    page.close()


@pytest.mark.parametrize("width", [360, 390])
def test_a_telephone_shows_it_all_without_scrolling_sideways(comparing, browser, tmp_path, width):
    page = browser.new_page(viewport={"width": width, "height": 780}, color_scheme="light")
    page.goto(comparing)
    page.locator("#look").wait_for()
    assert failings(page) == []
    look(page, write_video(tmp_path / "long.mp4", count=400))
    page.locator("#pictures img").nth(-1).wait_for(timeout=_PATIENCE)
    assert is_as_wide_as_its_window(page)
    for image in page.locator("#pictures img").all():
        box = image.bounding_box()
        assert box["width"] > 40
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    assert failings(page) == []
    screenshot(page, f"8_telephone_{width}")
    page.close()


def test_all_of_it_is_reached_and_used_by_keyboard(address, browser, tmp_path):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.set_input_files(
        "#upload input[type=file]", str(write_video(tmp_path / "long.mp4", count=400))
    )
    page.get_by_text("long").first.wait_for()
    page.locator("#look").focus()
    page.keyboard.press("Enter")
    page.locator("#pictures img").nth(-1).wait_for(timeout=_PATIENCE)
    # Once around, from one press of the button to the next.
    reached = []
    while len(reached) < 60 and (not reached or reached[-1][0] != "look"):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(_FOCUSED))
    controls = [control for control in reached if control[1] != "BODY"]
    assert [control for control in controls if not control[-1]] == []
    parts = [part for part, *_ in controls]
    order = ["best", "timeline", "block", "pictures", "upload", "example", "look"]
    assert list(dict.fromkeys(filter(None, parts))) == order
    assert [kind for _, _, kind, _ in controls].count("range") == 3
    assert parts.count("timeline") == 2  # the table, which scrolls, and the link to its file
    page.close()


def test_the_page_names_no_other_host_and_forbids_all(address):
    """Also no connection that is made ahead of a request, which a browser does not report."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        policy, text = answer.headers["Content-Security-Policy"], answer.read().decode()
    assert policy.startswith("default-src 'self' ")
    assert "http" not in policy
    # Gradio 6.18 names a script of its own by the page's whole address.
    loaded = re.findall(r"<(?:link|script|img|iframe)\b[^>]*>", text.replace(address, ""))
    assert len(loaded) > 2
    assert [tag for tag in loaded if re.search(r"(?:https?:)?//", tag)] == []
