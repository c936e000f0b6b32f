"""What the report counts, read from the exported streams.

Belongs here: reading the streams and counting. Does not belong here: drawing (``shapes``),
words (``words``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

import polars as pl

from leads.verdicts import BY_CERTAINTY
from opendata.errors import StateError
from pipelines.report.timelines import Lead, best_leads, one_lead, table, web
from signals.contract import SIGNAL_SCHEMA
from signals.feed import history, manifest
from signals.segments import latest

#: Weeks with signals that the chart shows, the latest.
WEEKS = 26
_STANDS = pl.col("op").is_in(["ASSERT", "AMEND"])


@dataclass(frozen=True)
class Kind:
    """One kind of signal: how many companies were signalled, and how many of them are leads."""

    code: str
    family: str
    title: Mapping[str, str]
    polarity: str
    companies: int
    leads: int


@dataclass(frozen=True)
class Week:
    """Signals by family of events that happened in the week beginning on ``monday``."""

    monday: date
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Source:
    """How fresh one source is, and whom to name for it."""

    dataset: str
    title: str
    publisher: str
    state: str
    published: date | None
    licence: str
    licence_url: str
    attribution: str


@dataclass(frozen=True)
class Facts:
    """All that the report shows.

    Attributes:
        as_of: legal date of the last publication.
        account: the only account shown, or all.
        reliability: ``said``, ``right`` (both 0-1) and ``answers`` of each bin, measured
            on labelled leads when the model was made; empty if it was not.
    """

    as_of: date
    account: str | None
    signals: int
    companies: int
    kinds: tuple[Kind, ...]
    weeks: tuple[Week, ...]
    departements: Mapping[str, int]
    leads: int
    verdicts: Mapping[str, int]
    reliability: tuple[Mapping[str, float], ...]
    top: tuple[Lead, ...]
    sources: tuple[Source, ...]


def gather(
    exports: Path,
    account: str | None,
    *,
    leads: int,
    sources: pl.DataFrame,
    lead: str | None = None,
) -> Facts:
    """Read the exports.

    Args:
        exports: the folder of the streams.
        account: show this account only; all of them if none is given.
        leads: leads shown with their timeline, the best scores first.
        sources: description of every version loaded (``TableStore.sources``); the export
            itself describes those that are cited.
        lead: show this lead only, whatever its score.

    Raises:
        StateError: nothing is exported yet, or there is no such account or lead.
    """
    company = exports / "company"
    if not (company / manifest.NAME).is_file():
        raise StateError(
            "nothing is exported yet", next_step="run `company-signals run`, then ask again"
        )
    folders = _accounts(exports, account)
    own = pl.concat([_signals(folder) for folder in folders] or [SIGNAL_SCHEMA.to_frame()])
    seen = _signals(company) if account is None else own
    types = table(company, "signal_types")
    matches = [table(folder, "matches") for folder in folders]
    shown = types.select("type", "code", "family", "title_fr", "title_en", "polarity")
    verdicts = _counted(pl.concat(matches)["verdict"]) if matches else {}
    created = json.loads((company / manifest.NAME).read_bytes())["created"]
    as_of = date.fromisoformat(created[:10])
    told = own.join(types.select("type", "polarity", "explanation_fr", "explanation_en"), on="type")
    return Facts(
        as_of=as_of,
        account=account,
        signals=seen.height,
        companies=seen["siren"].n_unique() if seen.height else 0,
        kinds=_kinds(seen, own, shown),
        weeks=_weeks(seen, shown),
        departements=_counted(seen["departement"].drop_nulls()),
        leads=sum(rows.height for rows in matches),
        verdicts={name: verdicts[name] for name in BY_CERTAINTY if name in verdicts},
        reliability=_reliability(),
        top=best_leads(folders, told, as_of, leads)
        if lead is None
        else (one_lead(folders, told, as_of, lead),),
        sources=_sources(table(company, "source_status"), sources),
    )


def _accounts(exports: Path, account: str | None) -> list[Path]:
    found = [path.parent for path in sorted((exports / "accounts").glob(f"*/{manifest.NAME}"))]
    if account is None:
        return found
    chosen = [folder for folder in found if manifest.read(folder).account_id == account]
    if not chosen:
        raise StateError(
            "no such account is exported",
            next_step="give the id that stands in the account column of the leads",
        )
    return chosen


def _signals(folder: Path) -> pl.DataFrame:
    """Return the last row of each signal of a stream that stands, expired ones included."""
    rows = latest(history.read(folder).told)
    return rows.filter(_STANDS, pl.col("is_baseline").not_())


def _counted(values: pl.Series) -> dict[str, int]:
    return dict(values.value_counts().sort(values.name).iter_rows())


def _kinds(seen: pl.DataFrame, own: pl.DataFrame, types: pl.DataFrame) -> tuple[Kind, ...]:
    def companies(rows: pl.DataFrame, name: str) -> pl.DataFrame:
        return rows.group_by("type").agg(pl.col("siren").n_unique().alias(name))

    rows = (
        companies(seen, "companies")
        .join(companies(own, "leads"), on="type", how="left")
        .join(types, on="type")
        .with_columns(pl.col("leads").fill_null(0))
        .sort("companies", "code", descending=[True, False])
    )
    return tuple(
        Kind(
            row["code"],
            row["family"],
            {"fr": row["title_fr"], "en": row["title_en"]},
            row["polarity"],
            row["companies"],
            row["leads"],
        )
        for row in rows.iter_rows(named=True)
    )


def _weeks(seen: pl.DataFrame, types: pl.DataFrame) -> tuple[Week, ...]:
    rows = (
        seen.join(types.select("type", "family"), on="type")
        .group_by(pl.col("time").dt.truncate("1w").alias("monday"), "family")
        .len()
        .sort("monday", "family")
    )
    mondays = rows["monday"].unique().sort().tail(WEEKS).to_list()
    return tuple(
        Week(monday, dict(rows.filter(pl.col("monday") == monday).select("family", "len").rows()))
        for monday in mondays
    )


def _reliability() -> tuple[Mapping[str, float], ...]:
    """Return the curve measured for the model shipped; nothing if it was another one's."""
    files = resources.files("leads")
    measured = json.loads(files.joinpath("reliability.json").read_text(encoding="utf-8"))
    shipped = json.loads(files.joinpath("model.json").read_text(encoding="utf-8"))["version"]
    return tuple(measured["bins"]) if measured["model"] == shipped else ()


def _sources(status: pl.DataFrame, described: pl.DataFrame) -> tuple[Source, ...]:
    newest = described.sort("publication_date", "source_id").unique(
        "dataset", keep="last", maintain_order=True
    )
    # A source that was never loaded is nothing a reader of the report could miss.
    rows = status.join(newest, on="dataset", suffix="_named")
    return tuple(
        Source(
            dataset=row["dataset"],
            title=row["title"] or row["dataset"],
            publisher=row["publisher"] or "",
            state=row["state"],
            published=row["publication_date"],
            licence=row["licence_title"] or "",
            licence_url=web(row["licence_url"]) or "",
            attribution=row["attribution"] or "",
        )
        for row in rows.sort("dataset").iter_rows(named=True)
    )


def week_label(monday: date) -> str:
    """Return the ISO name of a week, e.g. ``2025-W02``."""
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"


def consecutive(first: Week, second: Week) -> bool:
    """Return whether no week lies between two."""
    return second.monday - first.monday == timedelta(days=7)
