"""The page itself.

Belongs here: filling the template and writing the file, which only its owner may read: it
names leads. Does not belong here: counting (``facts``), geometry (``shapes``).
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2

from opendata import files
from pipelines.report.details import details
from pipelines.report.facts import Facts, week_label
from pipelines.report.shapes import columns, departements
from pipelines.report.words import Language, Words


def render(facts: Facts, language: Language, *, page: str = "report") -> str:
    """Return the ``report``, or the page of the first ``lead``, as HTML that loads nothing.

    Everything from outside is escaped; links are web addresses only (``timelines``).
    """
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("pipelines.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = resources.files("pipelines.report").joinpath("templates/style.css")
    say = Words(language)
    return templates.get_template(f"{page}.html.j2").render(
        facts=facts,
        say=say,
        details=lambda told: details(told.before, told.after, say),
        attributions=sorted(
            {one.attribution for lead in facts.top for told in lead.told for one in told.proofs}
        ),
        style=style.read_text(encoding="utf-8"),
        chart=columns(facts.weeks),
        map=departements(facts.departements),
        week_label=week_label,
        recognised=sum(facts.verdicts.get(one, 0) for one in ("confirmed", "probable")),
        fresh=sum(source.state == "OK" for source in facts.sources),
    )


def write(facts: Facts, language: Language, target: Path, *, page: str = "report") -> None:
    """Write a page, readable by its owner only."""
    files.write_bytes(target, render(facts, language, page=page).encode(), point="report")
    target.chmod(0o600)
