"""The documentation as a site: built without a warning, served without another host, legible.

Needs Chromium; a machine without it fails here (`make test-full`).
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.settings import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.full
SHOWN = (
    "index.html",
    "tutorial.html",
    "cookbook.html",
    "architecture.html",
    "dictionary/register.html",
    "reference/cli.html",
    "signals/hq_moved.html",
    "project/CONTRIBUTING.html",
)
#: Contrast of the text of paragraphs and of code with what is behind it, as WCAG counts it.
_CONTRASTS = """
() => {
  const numbers = colour => {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const over = ([r, g, b, a], under) =>
    [r, g, b].map((v, at) => v * a / 255 + under[at] * (1 - a / 255));
  const page = over(numbers(getComputedStyle(document.body).backgroundColor), [255, 255, 255]);
  return ['.md-typeset h1', '.md-typeset p', '.md-typeset code', '.md-nav__link',
          '.md-typeset a:not(.headerlink)']
    .map(name => [name, document.querySelector('.md-content ' + name) ||
                        document.querySelector(name)])
    .filter(([, one]) => one)
    .map(([name, one]) => {
      const style = getComputedStyle(one);
      const behind = over(numbers(style.backgroundColor), page);
      const text = over(numbers(style.color), behind);
      const [high, low] = [luminance(text), luminance(behind)].sort((a, b) => b - a);
      return [name, (high + 0.05) / (low + 0.05)];
    });
}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning of the builder fails."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on a port of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    """A browser, started after the site is built: its event loop bears no other beside it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "Chromium is needed: apt-get install chromium"
    with sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], timeout=120_000
        )
        yield launched
        launched.close()


def test_every_page_of_the_docs_is_on_the_site(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs")
        built = (
            name.with_name("index.html") if name.name == "README.md" else name.with_suffix(".html")
        )
        assert (site / built).is_file(), name
    assert not (site / "site" / "hooks.py").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_ask_no_other_host_and_can_be_read(
    browser: Browser, address: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(120_000)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for name in SHOWN:
        page.goto(f"{address}/{name}")
        for where, contrast in page.evaluate(_CONTRASTS):
            assert contrast >= 4.5, f"{name}, {scheme}: {where} has {contrast:.1f}"
    page.goto(f"{address}/index.html")
    page.locator("input.md-search__input").fill("tranche")
    page.locator(".md-search-result__item").first.wait_for()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()
    assert [url for url in asked if not url.startswith((f"{address}/", "data:", "blob:"))] == []
    assert said == []
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
