"""The report: what it counts, that nothing from outside is code in it, that it asks nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from replaying import Replayed, stream_rows

from opendata.errors import SettingsError, StateError
from pipelines.report.command import make_report
from pipelines.report.facts import Facts, Week, gather
from pipelines.report.page import render
from pipelines.report.shapes import columns, departements, nice, outlines
from pipelines.report.timelines import Lead, Told, web
from pipelines.report.words import LANGUAGES, WORDS, Words


def shown(replayed: Replayed, account: str | None, leads: int) -> Facts:
    sources = replayed.workspace.store.sources()
    return gather(replayed.exports, account, leads=leads, sources=sources)


@pytest.fixture(scope="module")
def facts(replayed: Replayed) -> Facts:
    return shown(replayed, None, 12)


class Page(HTMLParser):
    """What a page loads, links to, and names by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.loads += [values[name] for name in ("src", "srcset", "data") if name in values]
        if tag == "link":
            self.loads.append(values["href"])
        if tag == "a":
            self.links.append(values["href"])
        if "id" in values:
            self.ids.append(values["id"])


def test_the_figures_are_those_of_the_exports(facts: Facts, replayed: Replayed) -> None:
    rows = stream_rows(replayed.exports / "company")
    stands = rows.unique("signalid", keep="last").filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    assert facts.signals == stands.height
    assert facts.companies == stands["siren"].n_unique()
    assert sum(facts.departements.values()) == stands["departement"].drop_nulls().len()
    won = stands.filter(pl.col("type").str.contains("contract_won"))
    (kind,) = (kind for kind in facts.kinds if kind.code == "contract_won")
    assert kind.companies == won["siren"].n_unique()
    matches = replayed.workspace.lead_store.matches()
    assert facts.leads == matches.height
    assert facts.verdicts["confirmed"] == matches.filter(pl.col("verdict") == "confirmed").height


def test_leads_come_by_score_with_their_evidence(facts: Facts) -> None:
    scores = [lead.score for lead in facts.top]
    assert len(scores) == 12
    assert scores == sorted(scores, reverse=True)
    for lead in facts.top:
        days = [told.when for told in lead.told]
        assert days == sorted(days, reverse=True)
        assert all(told.proofs and told.proofs[0].attribution for told in lead.told)


def test_reasons_are_those_that_people_read(replayed: Replayed) -> None:
    arithmetic = ("log_odds:", "runner_up:")
    kept = replayed.workspace.lead_store.matches().explode("reasons")["reasons"].drop_nulls()
    assert any(one.startswith(arithmetic) for one in kept)
    reasons = [one for lead in shown(replayed, None, 500).top for one in lead.reasons]
    assert reasons
    assert not any(one.startswith(arithmetic) for one in reasons)


def test_one_account_sees_its_own_leads_only(replayed: Replayed, facts: Facts) -> None:
    own = shown(replayed, "demo-btp", 500)
    assert {lead.account for lead in own.top} == {"demo-btp"}
    others = [lead for lead in facts.top if lead.account != "demo-btp"]
    text = render(own, "en")
    assert others
    assert not any(f"{lead.lead} " in text for lead in others)
    assert own.leads < facts.leads
    with pytest.raises(StateError, match="no such account"):
        shown(replayed, "nobody", 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_loads_nothing_and_its_links_lead_somewhere(facts: Facts, language: str) -> None:
    page = Page(render(facts, language))  # type: ignore[arg-type]
    assert all(address.startswith("data:") for address in page.loads)
    assert "script" not in page.tags
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    outside = [link for link in page.links if not link.startswith("#")]
    assert outside
    assert all(link.startswith("https://") for link in outside)


def test_every_source_is_named_with_its_date_and_licence(facts: Facts) -> None:
    text = render(facts, "fr")
    for source in facts.sources:
        assert source.licence
        assert source.attribution.split(",")[0] in text.replace("&#39;", "'")
    assert outlines()["licence"] in text
    assert "Réutilisation non officielle" in text


def test_what_comes_from_outside_is_text_and_never_code(facts: Facts) -> None:
    bad = "<script>alert(1)</script>\"'&"
    told = replace(facts.top[0].told[0], title={"fr": bad, "en": bad}, proofs=())
    lead = replace(facts.top[0], name=bad, lead=bad, reasons=(bad,), told=(told,))
    page = Page(render(replace(facts, top=(lead,)), "en"))
    assert "script" not in page.tags


def test_an_address_that_is_none_of_the_web_is_no_link(replayed: Replayed) -> None:
    assert web("javascript:alert(1)") is None
    assert web("data:text/html,x") is None
    assert web("https://www.bodacc.fr/x") == "https://www.bodacc.fr/x"


def test_a_lead_has_a_page_of_its_own(replayed: Replayed, facts: Facts, tmp_path: Path) -> None:
    best, out = facts.top[0], tmp_path / "lead.html"
    make_report(replayed.workspace, out, "en", best.account, 12, best.lead)
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert out.stat().st_mode & 0o777 == 0o600
    assert text.count('<time datetime="') == len(best.told) + 1
    assert best.told[0].title["en"] in text.replace("&#39;", "'")
    assert page.links[0] == "#main"
    assert all(one.startswith("https://") for one in page.links[1:])
    # The attribution of each record shown, and nobody else's lead.
    assert best.told[0].proofs[0].attribution.split(",")[0] in text.replace("&#39;", "'")
    assert facts.top[1].name not in text


def test_a_lead_on_which_nothing_was_signalled_has_a_page_too(
    replayed: Replayed, tmp_path: Path
) -> None:
    matches = replayed.workspace.lead_store.matches()
    nobody = matches.filter(pl.col("verdict") == "no_match").row(0, named=True)
    out = tmp_path / "lead.html"
    make_report(replayed.workspace, out, "fr", None, 12, nobody["lead_id"])
    assert "Rien à montrer encore." in out.read_text(encoding="utf-8")
    with pytest.raises(StateError, match="no such lead"):
        make_report(replayed.workspace, out, "fr", None, 12, "none of them")


def test_an_empty_export_makes_a_page_too(facts: Facts) -> None:
    empty = Facts(date(2025, 1, 6), None, 0, 0, (), (), {}, 0, {}, (), (), ())
    assert render(empty, "fr").count(Words("fr")("nothing")) == 5
    assert "12" not in re.findall(r"<dd>(\d+)", render(empty, "en"))


def test_nothing_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="nothing is exported yet"):
        gather(tmp_path, None, leads=1, sources=pl.DataFrame())


def test_the_file_is_for_its_owner_only(replayed: Replayed, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    make_report(replayed.workspace, out, "en", None, 3)
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SettingsError, match="no words in 'de'"):
        make_report(replayed.workspace, out, "de", None, 3)


def test_words_stand_in_both_languages() -> None:
    assert all(len(texts) == 2 and all(texts) for texts in WORDS.values())
    french, english = Words("fr"), Words("en")
    assert (french.number(12345), english.number(12345)) == ("12\u202f345", "12,345")
    assert (french.day(date(2025, 1, 1)), english.day(date(2025, 1, 1))) == (
        "1er janvier 2025",
        "1 January 2025",
    )
    assert french.reason("rare_words:BROCELIANDE(3)+X(1)") == "mots rares BROCELIANDE(3), X(1)"


@pytest.mark.parametrize(
    ("highest", "end"), [(0, 2), (1, 2), (3, 4), (9, 10), (11, 20), (463, 500), (1001, 2000)]
)
def test_axes_end_on_round_numbers(highest: int, end: int) -> None:
    assert nice(highest) == end


def test_weeks_stand_apart_where_weeks_lie_between() -> None:
    chart = columns(
        [
            Week(date(2024, 12, 23), {"a": 1}),
            Week(date(2024, 12, 30), {"a": 2, "b": 1}),
            Week(date(2025, 2, 3), {"b": 4}),
        ]
    )
    first, second, third = (bar.x for bar in chart.bars)
    assert third - second > second - first
    assert [bar.label for bar in chart.bars] == ["2024", "2025", ""]
    # The week of 30 December 2024 is the first of 2025 (ISO 8601).
    assert chart.bars[1].week == "2025-W01"
    heights = [sum(part.height for part in bar.parts) for bar in chart.bars]
    assert heights[1] == pytest.approx(3 * heights[0])
    assert chart.legend == (("b", 0), ("a", 1))


def test_each_département_is_in_the_class_of_its_count() -> None:
    drawn = departements({"75": 100, "01": 1, "02": 2, "03": 3, "974": 50, "99": 7})
    level = {one.code: one.level for one in (*drawn.areas, *drawn.overseas)}
    classes = {level: (low, high) for level, low, high in drawn.classes}
    for code, count in {"75": 100, "01": 1, "02": 2, "03": 3, "974": 50}.items():
        low, high = classes[level[code]]
        assert low <= count <= high
    assert level["04"] == 0
    assert len(drawn.areas) == 96


def test_a_suppressed_lead_and_an_expired_signal_are_marked(facts: Facts) -> None:
    told: Told = replace(facts.top[0].told[0], alive=False, polarity="suppressor")
    lead: Lead = replace(facts.top[0], suppressed=True, told=(told,))
    text = render(replace(facts, top=(lead,)), "en")
    assert "opportunities suspended" in text
    assert 'class="suppressor past"' in text


def test_the_curve_is_that_of_the_model_shipped(facts: Facts) -> None:
    assert sum(bin_["answers"] for bin_ in facts.reliability) > 100
    text = render(facts, "en")
    assert text.count('class="point"') == len(facts.reliability)
    assert Words("en")("not_measured") not in text
