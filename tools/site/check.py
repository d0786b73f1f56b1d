"""Checks a built site: links and anchors, texts of images, and whom its pages ask.

python -m tools.site.check FOLDER

A page may link to other hosts, for the reader to follow; it must not load anything from one.
"""

import os
import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser loads by itself; the href of an <a> is followed by a reader alone.
_LOADS = {"src", "srcset", "poster", "data", "background"}
_RELATIONS = {"author", "canonical", "help", "license", "next", "prev", "search", "index"}
# In scripts and styles: what names a host and is called or loaded.
_CALLS = re.compile(
    r"""(?:url\(|@import\s+|fetch\(|importScripts\(|\.open\([^,)]*,|\.src\s*=)\s*["'`]?((?:https?:)?//\w[^"'`)\s]*)"""
)


@dataclass
class Page:
    """What a page holds: links with their anchors, what it loads, ids, images without a text."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    untold: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.inside = tag
        self.page.anchors.update(values[name] for name in ("id", "name") if name in values)
        self.page.loads += [value for name, value in values.items() if name in _LOADS]
        self.page.loads += _CALLS.findall(values.get("style", ""))
        if tag == "link" and not set(values.get("rel", "").split()) <= _RELATIONS:
            self.page.loads.append(values.get("href", ""))
        elif tag == "a" and "href" in values:
            self.page.links.append(values["href"])
        elif tag == "img" and not values.get("alt", "").strip():
            self.page.untold.append(values.get("src", ""))

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style"):
            self.page.loads += _CALLS.findall(data)


def read(html: str) -> Page:
    """What the text of a page holds."""
    reader = _Reader()
    reader.feed(html)
    return reader.page


def problems(folder: Path) -> list[str]:
    """What is wrong in a built site, a sentence each; of all pages, sorted."""
    folder = folder.resolve()
    pages = {path: read(path.read_text("utf-8")) for path in folder.rglob("*.html")}
    if not pages:
        return [f"{folder} has no page: expected a site that was built"]
    wrong = [f"{path}: {text}" for path, page in pages.items() for text in _of_page(page)]
    wrong += [
        f"{path}: the link {link} leads nowhere"
        for path, page in pages.items()
        for link in set(page.links)
        if not _leads(link, path, pages)
    ]
    for path in [*folder.rglob("*.js"), *folder.rglob("*.css")]:
        wrong += [f"{path}: loads {one}" for one in _CALLS.findall(path.read_text("utf-8"))]
    return sorted(wrong)


def _of_page(page: Page) -> list[str]:
    elsewhere = [one for one in page.loads if urlsplit(one).netloc]
    return [f"loads {one}" for one in elsewhere] + [
        f"the image {one} has no text for those who cannot see it" for one in page.untold
    ]


def _leads(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    """Whether a link leads to a page, and to a place in it if it says so; or to another host."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
    if target not in pages:
        return target.is_file() and not parts.fragment
    return not parts.fragment or unquote(parts.fragment) in pages[target].anchors


def main(arguments: list[str]) -> None:
    """Prints what is wrong, and ends with exit code 1 if anything is."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    if lines := problems(Path(arguments[0])):
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
