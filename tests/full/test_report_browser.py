"""The report in a real browser: quiet, alone, usable by keyboard, legible in both themes.

Needs Chromium; a machine without it fails here (`make test-full`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from replaying import run_step

from opendata.sample_portal import SamplePortal
from pipelines import replay
from pipelines.main_job import history
from pipelines.report.facts import gather
from pipelines.report.page import write
from pipelines.workspace import open_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.full
#: Contrast that WCAG 2.2 AA asks of text.
CONTRAST = 4.5
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
_LUMINANCE = """
([element, property]) => {
  const probe = document.querySelector(element);
  let at = probe, back = 'rgba(0, 0, 0, 0)';
  const clear = colour => colour.replace(/ /g, '').endsWith(',0)');
  while (at && clear(back)) { back = getComputedStyle(at).backgroundColor; at = at.parentElement; }
  const channel = value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const luminance = colour => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number).map(channel);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [a, b] = [luminance(getComputedStyle(probe)[property]), luminance(back)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the last run dates of the sample."""
    folder = tmp_path_factory.mktemp("report")
    plan = replay.load_plan(replay.SAMPLE / "replay.yml")
    with SamplePortal(replay.SAMPLE) as portal, history():
        for step in plan:
            assert run_step(portal, step, folder / "data").ok
        workspace = open_workspace(
            replay.sample_settings(portal, date(2025, 1, 6), folder / "data")
        )
        facts = gather(workspace.exports, None, leads=12, sources=workspace.store.sources())
    write(facts, "fr", folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(report: Path) -> Iterator[Browser]:
    """A browser, started after the report is made: its event loop bears no other beside it."""
    # Installed for the full tests only: the others collect this file too.
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "Chromium is needed: apt-get install chromium"
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield launched
        launched.close()


def opened(browser: Browser, report: Path, *, scheme: str, width: int = 1200) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(report.as_uri())
    return page


def test_it_asks_nobody_and_complains_of_nothing(browser: Browser, report: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    for details in page.query_selector_all("summary"):
        details.click()
    assert [url for url in asked if url != report.as_uri()] == []
    assert said == []


def test_the_keyboard_reaches_every_link_and_opens_the_tables(
    browser: Browser, report: Path
) -> None:
    page = opened(browser, report, scheme="light")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        where = page.evaluate("[document.activeElement.tagName, document.activeElement.href || '']")
        if where[0] == "BODY":
            break
        if where[0] == "SUMMARY":
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.parentElement.open")
        reached.add(where[1])
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    links = page.evaluate("[...document.links].map(link => link.href)")
    assert set(links) - {report.as_uri() + "#main"} <= reached


def test_charts_have_names_and_descriptions(browser: Browser, report: Path) -> None:
    page = opened(browser, report, scheme="light")
    pictures = page.query_selector_all("svg[role=img]")
    assert len(pictures) >= 2
    for picture in pictures:
        for part in (picture.get_attribute("aria-labelledby") or "").split():
            text = page.text_content(f"#{part}")
            assert text
            assert text.strip()
    assert (
        page.evaluate("document.querySelectorAll('svg:not([role]):not([aria-hidden])').length") == 0
    )
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, report: Path, scheme: str) -> None:
    page = opened(browser, report, scheme=scheme)
    for element in (
        "body",
        ".note",
        ".sub",
        "main a",
        ".tag",
        ".score-tag",
        "thead th",
        "footer p",
    ):
        assert page.evaluate(_LUMINANCE, [element, "color"]) >= CONTRAST, element
    assert page.evaluate(_LUMINANCE, [".axis", "fill"]) >= CONTRAST


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_nothing_runs_out_of_the_page(browser: Browser, report: Path, width: int) -> None:
    page = opened(browser, report, scheme="light", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints_in_black_on_white_without_its_menu(browser: Browser, report: Path) -> None:
    page = opened(browser, report, scheme="light")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf(format="A4")) > 50_000
