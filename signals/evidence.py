"""One event, several records: which values are shown, and how sure we are.

Belongs here: bringing together what different records say of one event, so that the
result does not depend on the order in which they came. Does not belong here: what
follows in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl

from signals.contract import EVIDENCE_TYPE
from signals.registry import registry

#: What a record says of the event; the strongest record's values are shown.
PAYLOAD = (
    "time",
    "siret",
    "counterparty_siren",
    "company_name",
    "departement",
    "title_fr",
    "title_en",
    "before",
    "after",
    "dataclassification",
    "prospecting_allowed",
    "is_mass_operation",
)
#: What makes a record the same record in another version of its dataset.
RECORD = ("dataset_id", "record_key")
_FIELDS = tuple(field.name for field in EVIDENCE_TYPE.fields)  # type: ignore[attr-defined]


def exploded(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row per signal and record: ``signalid``, ``type``, the fields of the evidence."""
    return rows.select("signalid", "type", "evidence").explode("evidence").unnest("evidence")


def gathered(records: pl.DataFrame, precedence: Sequence[str]) -> pl.DataFrame:
    """Return ``signalid``, ``evidence`` (strongest first) and ``confidence``.

    A record seen in several versions counts once, with its latest. Datasets are taken
    for independent: the event is doubted only if each of them is wrong.

    Args:
        records: rows of :func:`exploded`, repetitions allowed.
        precedence: datasets, the most authoritative first.
    """
    latest = ["publication_date", "source_id", "confidence"]
    once = records.sort("signalid", *RECORD, *latest).unique(
        ["signalid", *RECORD], keep="last", maintain_order=True
    )
    doubt = once.group_by("signalid", "dataset_id").agg(pl.col("confidence").max())
    sure = doubt.group_by("signalid").agg(
        confidence=(1 - (1 - pl.col("confidence").sort()).product()).round(4)
    )
    lists = (
        strongest_first(once, precedence)
        .group_by("signalid", maintain_order=True)
        .agg(evidence=pl.struct(_FIELDS))
    )
    return lists.join(sure, on="signalid")


def strongest_first(rows: pl.DataFrame, precedence: Sequence[str]) -> pl.DataFrame:
    """Return ``rows`` by signal, then dataset precedence, then latest publication.

    What a confirming signal lends comes last, whatever its dataset: its values are not shown.
    """
    return rows.sort(
        "signalid",
        _is_lent(),
        rank(pl.col("dataset_id"), precedence),
        "dataset_id",
        "publication_date",
        "record_key",
        descending=[False, False, False, False, True, True],
        maintain_order=True,
    )


@cache
def _lent() -> tuple[tuple[str, str], ...]:
    """Return type and dataset of the records that kinds of signals get from confirming ones."""
    found = registry()
    rules = [(one.signal, one.signal.confirms) for one in found.values()]
    return tuple(
        sorted(
            (found[rule.code].signal.type, dataset)
            for signal, rule in rules
            if rule is not None
            for dataset in set(signal.datasets) - set(found[rule.code].signal.datasets)
        )
    )


def _is_lent() -> pl.Expr:
    lent = [(pl.col("type") == kind) & (pl.col("dataset_id") == name) for kind, name in _lent()]
    return pl.any_horizontal(pl.lit(value=False), *lent)


def rank(dataset: pl.Expr, precedence: Sequence[str]) -> pl.Expr:
    """Return the place of ``dataset`` in ``precedence``; unlisted ones come last."""
    places = {name: place for place, name in enumerate(precedence)}
    return dataset.replace_strict(places, default=len(places), return_dtype=pl.Int64)


def primary(side: str = "") -> dict[str, pl.Expr]:
    """Return dataset, publication date and key of the first record, for comparing rows."""
    first = pl.col(f"evidence{side}").list.first().struct
    return {name: first.field(name) for name in ("dataset_id", "publication_date", "record_key")}


def overrides(precedence: Sequence[str], known: str, candidate: str) -> pl.Expr:
    """Return whether the record first in ``candidate`` speaks over the one in ``known``.

    A dataset of higher rank always does; within one dataset, the later publication; of
    the same record, whatever came last, for it is then a correction.
    """
    old, new = primary(known), primary(candidate)
    old_rank, new_rank = (rank(side["dataset_id"], precedence) for side in (old, new))
    later = new["publication_date"] > old["publication_date"]
    same_day = new["publication_date"] == old["publication_date"]
    same_set = new["dataset_id"] == old["dataset_id"]
    within = same_set & (later | (same_day & (new["record_key"] >= old["record_key"])))
    by_name = (new_rank == old_rank) & (new["dataset_id"] < old["dataset_id"])
    return (new_rank < old_rank) | by_name | within
