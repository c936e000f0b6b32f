"""What was signalled on a lead, in the order in which it happened, the latest first.

Belongs here: reading a lead's match, score and signals from its account's stream. Does not
belong here: counting (``facts``), drawing (``page``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from leads.contributions import LOG_ODDS, RUNNER_UP
from opendata.errors import StateError
from signals.feed import manifest


@dataclass(frozen=True)
class Proof:
    """One record behind a signal; ``url`` is a web address or nothing."""

    publisher: str
    url: str | None
    published: date
    attribution: str


@dataclass(frozen=True)
class Told:
    """One signal on a lead, as its timeline shows it; ``before`` and ``after`` are its values."""

    when: date
    title: Mapping[str, str]
    why: Mapping[str, str]
    polarity: str
    nature: str
    score: float
    alive: bool
    signal: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    proofs: tuple[Proof, ...]


@dataclass(frozen=True)
class Lead:
    """A lead with its score and what was signalled on it, the latest first.

    Attributes:
        score: 0-100; nothing if no signal on it counts any more.
        siren: empty if it was not recognised.
    """

    account: str
    lead: str
    siren: str
    name: str
    score: float | None
    suppressed: bool
    probability: float | None
    verdict: str
    reasons: tuple[str, ...]
    told: tuple[Told, ...]


def table(folder: Path, name: str) -> pl.DataFrame:
    """Return a companion table of a stream.

    Raises:
        StateError: the stream has none of this name.
    """
    path = manifest.read(folder).path_of(f"{name}.parquet")
    if path is None:
        raise StateError(
            f"the export lacks {name}", next_step="run `company-signals export`, then ask again"
        )
    return pl.read_parquet(folder / path, glob=False)


def best_leads(
    folders: Sequence[Path], own: pl.DataFrame, as_of: date, number: int
) -> tuple[Lead, ...]:
    """Return the ``number`` leads of the highest scores.

    Args:
        folders: streams of the accounts.
        own: the signals of these streams that stand, with the columns of ``signal_types``.
        as_of: legal date on which a signal counts or does not.
        number: how many.
    """
    if not folders:
        return ()
    scores, matches = _of_leads(folders)
    best = scores.sort("score", "account_id", "lead_id", descending=[True, False, False])
    best = best.unique(["account_id", "lead_id"], keep="first", maintain_order=True).head(number)
    rows = best.join(matches, on=["account_id", "lead_id"], maintain_order="left")
    return tuple(_lead(row, own, as_of) for row in rows.iter_rows(named=True))


def one_lead(folders: Sequence[Path], own: pl.DataFrame, as_of: date, lead: str) -> Lead:
    """Return one lead, whether anything was signalled on it or not; arguments as above.

    Raises:
        StateError: no stream has it, or those of several accounts do.
    """
    if folders:
        scores, matches = _of_leads(folders)
        mine = matches.filter(pl.col("lead_id") == lead)
        found = mine.join(scores, on=["account_id", "lead_id"], how="left", maintain_order="left")
        found = found.unique(["account_id", "lead_id"], keep="first", maintain_order=True)
        if found.height == 1:
            return _lead(found.row(0, named=True), own, as_of)
        if found.height:
            raise StateError(
                "several accounts have a lead of this id", next_step="name one with --account"
            )
    raise StateError(
        "no such lead is exported", next_step="give an id that stands in the file of leads"
    )


def _of_leads(folders: Sequence[Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return scores and matches of all leads."""
    scores = pl.concat([table(folder, "lead_scores") for folder in folders])
    matches = pl.concat([table(folder, "matches") for folder in folders])
    return (
        scores.select("account_id", "lead_id", "score", "suppressed_by"),
        matches.select(
            "account_id", "lead_id", "siren", "verdict", "probability", "matched_name", "reasons"
        ),
    )


def _lead(row: Mapping[str, Any], own: pl.DataFrame, as_of: date) -> Lead:
    mine = own.filter(
        pl.col("account_id") == row["account_id"],
        pl.col("lead_id") == row["lead_id"],
        pl.col("siren") == (row["siren"] or ""),
    ).sort("time", "signalid", descending=[True, False])
    names = mine["company_name"].drop_nulls()
    return Lead(
        account=row["account_id"],
        lead=row["lead_id"],
        siren=row["siren"] or "",
        name=names[0] if len(names) else row["matched_name"] or "",
        score=row["score"],
        suppressed=row["suppressed_by"] is not None,
        probability=row["probability"],
        verdict=row["verdict"],
        # What a probability is made of is for who tunes the matching.
        reasons=tuple(
            one for one in row["reasons"] or () if not one.startswith((LOG_ODDS, RUNNER_UP))
        ),
        told=tuple(_told(one, as_of) for one in mine.iter_rows(named=True)),
    )


def _told(row: Mapping[str, Any], as_of: date) -> Told:
    return Told(
        when=row["time"],
        title={"fr": row["title_fr"], "en": row["title_en"]},
        why={"fr": row["explanation_fr"], "en": row["explanation_en"]},
        polarity=row["polarity"],
        nature=row["nature"],
        score=row["score"],
        alive=row["expirytime"].date() > as_of,
        signal=row["signalid"],
        before=json.loads(row["before"] or "{}"),
        after=json.loads(row["after"] or "{}"),
        proofs=tuple(
            Proof(
                record["publisher"] or record["dataset_id"],
                web(record["url"]),
                record["publication_date"],
                record["attribution"] or "",
            )
            for record in row["evidence"]
        ),
    )


def web(url: str | None) -> str | None:
    """Return a web address as it is; an address of any other kind is not a link."""
    return url if url and urlsplit(url).scheme in ("https", "http") else None
