"""The report in a real browser: it shows, complains of nothing and asks nobody for anything.

`tools/test -m slow tests/evaluation`, with what `tests/browser.py` says.
"""

import pytest

from tests.browser import Watch, chromium, screenshot
from tests.evaluate import made_up


@pytest.mark.slow
def test_the_report_opens_offline(pairs, tmp_path):
    report = made_up.evaluation(tmp_path, made_up.subject(pairs))
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.context.set_offline(True)
        watch = Watch(page)
        opened = []
        page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
        page.goto(report.as_uri())
        screenshot(page, "report")
        assert watch.complaints == opened == []
        assert watch.asked <= {"file", "data"}
        # Every picture of the gallery has been decoded, and every plot has a size.
        broken = "() => [...document.images].filter(image => !image.naturalWidth).length"
        assert page.locator("img").count() > 0
        assert page.evaluate(broken) == 0
        assert page.locator("svg").count() > 0
        assert all(svg.bounding_box()["width"] > 50 for svg in page.locator("svg").all())
