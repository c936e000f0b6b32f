"""Leads that a person should look at.

Belongs here: which leads are asked about, in which order, and the files they are shown in.
Does not belong here: reading the answers (``answers``), keeping them (``labels``).

What is written describes somebody's leads: company fields and candidates, never contacts or
unrecognised columns. Files are readable by their owner only and lie where the operator says;
none is part of an export.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from leads.explain import SHOWN
from leads.labels import UNSURE, with_key
from leads.scoring import Model
from leads.verdicts import AMBIGUOUS, CONFIRMED, NOT_DIFFUSIBLE, PROBABLE
from opendata.cells import harmless
from opendata.errors import SettingsError
from opendata.files import atomic_file, write_bytes

#: Distance to a threshold within which an answer is worth asking about.
NEAR = 0.05
#: Fields of a lead that are shown: those of the company.
SHOWN_FIELDS = (
    "company_name", "siren", "siret", "vat", "address", "postcode", "city", "department",
    "country", "website",
)  # fmt: skip
CANDIDATE_FIELDS = ("siren", "name", "place", "probability")
ANSWERS = ("yes", "no", "other", "group", "unsure")
PLACES_SCHEMA = pl.Schema({"siret": pl.String(), "place": pl.String()})
_KEY = ["account_id", "lead_id"]


def queue(
    leads: pl.DataFrame,
    matches: pl.DataFrame,
    labels: pl.DataFrame,
    model: Model,
    *,
    places: pl.DataFrame | None = None,
    audit: int = 0,
) -> pl.DataFrame:
    """Return the leads to ask about, the most uncertain first.

    Args:
        leads: columns of ``leads.model.SCHEMA``.
        matches: their answers.
        labels: what was answered before: those leads are not asked about again.
        model: whose thresholds tell which probabilities are near one.
        places: ``siret``, ``place``: where establishments are, for whoever has to choose.
        audit: confirmed leads to ask about nevertheless, drawn by the hash of their match, so
            that the share of right ones among them can be measured.

    Returns:
        ``account_id``, ``lead_id``, ``why`` (``ambiguous``, ``near_threshold``, ``audit``),
        ``verdict``, ``probability``, ``question``, :data:`SHOWN_FIELDS`,
        ``candidate_<n>_siren``, ``_name``, ``_place``, ``_probability``, then ``answer`` and
        ``answer_siren``, which are empty.
    """
    asked = _asked_about(leads, matches, labels, model, audit)
    p = pl.col("probability").fill_null(0.5).clip(1e-6, 1 - 1e-6)
    doubt = -(p * p.log() + (1 - p) * (1 - p).log())
    ordered = asked.with_columns(doubt.round(9).alias("doubt")).sort(
        pl.col("why") == "audit", -pl.col("doubt"), *_KEY
    )
    fields = leads.select(*_KEY, *(pl.col(name).alias(f"{name}_typed") for name in SHOWN_FIELDS))
    rows = ordered.join(fields, on=_KEY, maintain_order="left")
    return rows.join(
        _candidates(ordered, places), on=_KEY, how="left", maintain_order="left"
    ).select(
        *_KEY, "why", "verdict", "probability", "question",
        *(pl.col(f"{name}_typed").alias(name) for name in SHOWN_FIELDS),
        *(f"candidate_{place}_{name}" for place in range(1, SHOWN + 1)
          for name in CANDIDATE_FIELDS),
        pl.lit(None, pl.String).alias("answer"),
        pl.lit(None, pl.String).alias("answer_siren"),
    )  # fmt: skip


def _asked_about(
    leads: pl.DataFrame,
    matches: pl.DataFrame,
    labels: pl.DataFrame,
    model: Model,
    audit: int,
) -> pl.DataFrame:
    """Return the matches to ask about, with ``why``; one lead for each text of an account."""
    answered = labels.filter(pl.col("says").is_in(["yes", UNSURE])).select("account_id", "key")
    keyed = (
        with_key(leads).select(*_KEY, "key").join(answered, on=["account_id", "key"], how="anti")
    )
    once = keyed.sort(_KEY).unique(["account_id", "key"], keep="first", maintain_order=True)
    free = matches.join(once, on=_KEY, how="semi").filter(pl.col("verdict") != NOT_DIFFUSIBLE)
    near = pl.any_horizontal(
        (pl.col("probability") - at).abs() <= NEAR for at in model.thresholds.values()
    ) & (pl.col("tier") != "identifier")
    doubtful = free.with_columns(
        pl.when(pl.col("verdict") == AMBIGUOUS)
        .then(pl.lit("ambiguous"))
        .when(near.fill_null(False))
        .then(pl.lit("near_threshold"))
        .alias("why")
    ).drop_nulls("why")
    sure = free.filter(
        pl.col("verdict").is_in([CONFIRMED, PROBABLE]) & (pl.col("tier") != "identifier")
    )
    drawn = sure.join(doubtful, on=_KEY, how="anti").sort("match_id").head(audit)
    return pl.concat([doubtful, drawn.with_columns(pl.lit("audit").alias("why"))])


def _candidates(matches: pl.DataFrame, places: pl.DataFrame | None) -> pl.DataFrame:
    """Return one row per lead with its candidates side by side: the answer, then the others."""
    shape = pl.struct("siren", "siret", pl.col("matched_name").alias("name"), "probability")
    answered = pl.when(pl.col("siren").is_not_null()).then(pl.concat_list(shape))
    own = answered.fill_null([]).cast(matches.schema["alternatives"])
    long = (
        matches.select(*_KEY, pl.concat_list(own, "alternatives").list.head(SHOWN).alias("one"))
        .explode("one")
        .drop_nulls("one")
        .unnest("one")
        .join(
            pl.DataFrame(schema=PLACES_SCHEMA) if places is None else places,
            on="siret", how="left", maintain_order="left",
        )
        .with_columns((pl.int_range(pl.len()).over(_KEY) + 1).alias("number"))
    )  # fmt: skip
    wide = matches.select(_KEY)
    for place in range(1, SHOWN + 1):
        here = long.filter(pl.col("number") == place).select(
            *_KEY, *(pl.col(name).alias(f"candidate_{place}_{name}") for name in CANDIDATE_FIELDS)
        )
        wide = wide.join(here, on=_KEY, how="left", maintain_order="left")
    return wide


def write_queue(rows: pl.DataFrame, out: Path) -> None:
    """Write the queue as CSV, Parquet or an HTML page, by the suffix of ``out``; mode 0600.

    Raises:
        SettingsError: another suffix.
    """
    if out.suffix.lower() == ".html":
        write_bytes(out, page(rows).encode(), point="review", private=True)
        return
    write_rows(rows, out, "queue", point="review", also=".html, ")


def write_rows(rows: pl.DataFrame, out: Path, what: str, *, point: str, also: str = "") -> None:
    """Write rows about leads as CSV or Parquet, by the suffix of ``out``; mode 0600.

    Args:
        rows: what to write.
        out: the file.
        what: what it is called, for the message.
        point: name of what is written, for the kill tests.
        also: endings that the caller takes beside these two, for the message.

    Raises:
        SettingsError: another suffix.
    """
    suffix = out.suffix.lower()
    if suffix not in {".csv", ".parquet"}:
        raise SettingsError(
            f"a {what} is not written as {suffix or 'a file without suffix'}",
            next_step=f"name a file that ends in {also}.csv or .parquet",
        )
    with atomic_file(out, point=point, private=True) as path:
        if suffix == ".csv":
            # The mark lets Excel read accents.
            harmless(rows).write_csv(path, include_bom=True)
        else:
            rows.write_parquet(path)


def page(rows: pl.DataFrame) -> str:
    """Return the queue as one HTML page that needs no network and answers into a file."""
    folder = files("leads").joinpath("page")
    style, script = (
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("review.css", "review.js")
    )
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        folder.joinpath("review.html.jinja").read_text(encoding="utf-8")
    )
    return template.render(
        leads=[_shown(row) for row in rows.iter_rows(named=True)],
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return one lead as the page shows it."""
    candidates = [
        {name: row[f"candidate_{place}_{name}"] for name in CANDIDATE_FIELDS} | {"number": place}
        for place in range(1, SHOWN + 1)
        if row[f"candidate_{place}_siren"]
    ]
    return row | {
        "candidates": candidates,
        "fields": [(name, row[name]) for name in SHOWN_FIELDS[1:] if row[name]],
    }
