"""A real browser for the tests of pages: Chromium without a window, driven by playwright.

    .venv/bin/pip install -e '.[demo,browser]' && apt install chromium

ILA_CHROMIUM names a browser that is not on the path; ILA_SCREENSHOTS a folder for pictures.
"""

import importlib.util
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import pytest

CHROMIUM = os.environ.get("ILA_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")


def require(*modules):
    """Skips the test, saying how to get what is missing: modules, or the browser."""
    missing = [name for name in modules if not importlib.util.find_spec(name)]
    if not CHROMIUM:
        missing.append("chromium")
    if missing:
        pytest.skip(
            f"missing: {', '.join(missing)}. pip install -e '.[demo,browser]', and a Chromium such "
            "as Debian's: apt install chromium"
        )


@contextmanager
def chromium():
    require("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        # As root, in a container, Chromium's own sandbox cannot be had.
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watch:
    """What a page complains of, and whom it asks: hosts, and for what is of none the scheme."""

    def __init__(self, page):
        self.complaints, self.asked = [], set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._request(urlparse(request.url)))

    def _console(self, message):
        # Not its warnings: gradio has one at each upload, that a method is not implemented.
        if message.type == "error":
            self.complaints.append(message.text)

    def _request(self, url):
        self.asked.add(url.hostname or url.scheme)


def failings(page):
    """What axe finds that shuts somebody out: the rule, and the first element that breaks it."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found]


def is_as_wide_as_its_window(page):
    """Whether nothing has to be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def screenshot(page, name):
    if folder := os.environ.get("ILA_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
