"""What makes a site of pages that are also read in the repository.

Belongs here: pages of the root as pages of the site, links that leave ``docs/``, folders of the
navigation. Does not belong here: the look (``mkdocs.yml``, ``extra.css``).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
DOCS = "docs"
#: Pages of the repository that are outside ``docs/`` → where they stand on the site.
PAGES = {
    "README.md": "README.md",
    "ATTRIBUTION.md": "project/ATTRIBUTION.md",
    "CHANGELOG.md": "project/CHANGELOG.md",
    "CONTRIBUTING.md": "project/CONTRIBUTING.md",
    "PRIVACY.md": "project/PRIVACY.md",
    "SECURITY.md": "project/SECURITY.md",
    "clients/typescript/README.md": "project/typescript.md",
    "data/sample/README.md": "project/sample.md",
    "requirements/README.md": "project/lock-files.md",
}
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"^( *)```.*?^\1```\s*$", re.M | re.S)
_LIST = re.compile(r"^(?:[-*]|\d+\.) ")


def on_config(config: Any) -> Any:
    """Write out the folders of the navigation, and put at its end what it does not name."""
    nav = [_expanded(entry) for entry in config["nav"]]
    pages = [path.relative_to(ROOT / DOCS).as_posix() for path in (ROOT / DOCS).rglob("*.md")]
    more = sorted(set(pages) - set(_named(nav)))
    config["nav"] = [*nav, *([{"More": more}] if more else [])]
    return config


def _named(nav: Any) -> Iterator[str]:
    """Return the pages that the navigation names."""
    if isinstance(nav, str):
        yield nav
        return
    for entry in nav.values() if isinstance(nav, dict) else nav:
        yield from _named(entry)


def _expanded(entry: Any) -> Any:
    if isinstance(entry, str):
        return entry
    ((title, value),) = entry.items()
    if isinstance(value, list):
        return {title: [_expanded(one) for one in value]}
    if not value.endswith("/*"):
        return entry
    folder = value.removesuffix("/*")
    names = sorted(path.name for path in (ROOT / DOCS / folder).glob("*.md"))
    first = [name for name in names if name == "README.md"]
    return {title: [f"{folder}/{name}" for name in [*first, *(n for n in names if n not in first)]]}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the repository that are outside ``docs/``."""
    for name, there in PAGES.items():
        # The overview of the site takes the place of the first page of the repository.
        if name != "README.md":
            content = (ROOT / name).read_text(encoding="utf-8")
            files.append(File.generated(config, there, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead every link to where its target stands on the site, and give lists their empty line."""
    where = page.file.src_uri
    source = {there: name for name, there in PAGES.items()}.get(where, f"{DOCS}/{where}")
    source = f"{DOCS}/README.md" if where == "README.md" else source
    parts, at = [], 0
    for fenced in _FENCED.finditer(markdown):
        parts += [_text(markdown[at : fenced.start()], source, where), fenced.group()]
        at = fenced.end()
    return "".join([*parts, _text(markdown[at:], source, where)])


def _text(text: str, source: str, where: str) -> str:
    return _LINK.sub(lambda found: _link(found, source, where), _lists(text))


def _lists(text: str) -> str:
    """Return text whose lists begin after an empty line, as Python-Markdown wants it."""
    lines: list[str] = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        if _LIST.match(line) and before.strip() and not _LIST.match(before) and before[0] != " ":
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _link(found: re.Match[str], source: str, where: str) -> str:
    """Return a link from the page ``where`` of the site, which is ``source`` in the repository."""
    path, mark, anchor = found["target"].partition("#")
    if not path or re.match(r"[a-z]+:", path):
        return found.group()
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    target = f"{target}/README.md" if (ROOT / target / "README.md").exists() else target
    if target in PAGES:
        there = PAGES[target]
    elif target.startswith(f"{DOCS}/"):
        there = target.removeprefix(f"{DOCS}/")
    else:
        return f"{found['text']} (`{target}` in the repository)"
    relative = os.path.relpath(there, posixpath.dirname(where) or ".")
    return f"{found['image']}[{found['text']}]({relative}{mark}{anchor})"
