"""Matching from file to file: leads in, one row for each of them out.

Belongs here: which row of the file an answer belongs to, and the columns written. Does not
belong here: matching (``leads.matching``), the encrypted store of the pipeline
(``assets.leads``): nothing is kept but the file asked for.

Usage:
    >>> from pathlib import Path
    >>> from pipelines.match_files import match_file
    >>> answers = match_file(Path("registry"), Path("leads.csv"))  # doctest: +SKIP

The output has exactly one row for each row of leads, in the order of the file, blank lines
left out. ``lead_id`` is the file's own; a file without such a column gets the number of the
row, from 1, and a row without a value, or whose id is an e-mail address, a telephone or a
profile, ``row-<number>``. An id that comes twice is answered twice.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import typer

from leads.explain import ALTERNATIVE
from leads.headers import recognise
from leads.index import Index
from leads.intake import IDENTIFYING, read_rows
from leads.matching import match_leads
from leads.model import FIELDS, LEAD_ID_RULES
from leads.tables import LINE
from leads.verdicts import NO_MATCH
from opendata.clock import Clock
from opendata.errors import SettingsError
from opendata.files import atomic_file

#: What is written; ``matching.MATCH_SCHEMA`` describes the columns.
OUTPUT = pl.Schema(
    {
        "lead_id": pl.String(),
        "verdict": pl.String(),
        "siren": pl.String(),
        "siret": pl.String(),
        "probability": pl.Float64(),
        "matched_name": pl.String(),
        "matched_kind": pl.String(),
        "reasons": pl.List(pl.String),
        "alternatives": pl.List(ALTERNATIVE),
    }
)
#: Ids that hold personal data are not passed on, and their rows are not looked at.
PERSONAL_IDS = ("lead_id_is_an_email", "lead_id_is_a_phone", "lead_id_is_a_profile")
_ROW, _RULE, _ACCOUNT = "_row", "_rule", "file"


def match_file(registry: Path, leads: Path, *, clock: Clock | None = None) -> pl.DataFrame:
    """Return one row per row of ``leads``, columns of :data:`OUTPUT`, in file order.

    Args:
        registry: folder written by :func:`pipelines.registry.build_registry`.
        leads: CSV, TSV, XLSX, Parquet or JSON lines; columns as ``leads.headers`` knows them,
            any of which may be missing as long as one names or identifies a company.
        clock: clock of the run.

    Returns:
        A row that cannot be used has the verdict ``no_match`` and the one reason
        ``rejected:<rule>``.

    Raises:
        ContractError: the file cannot be read, or no column identifies a company.
        StateError: there is no index in ``registry``.
    """
    index = Index.open(registry)
    rows = numbered(leads)
    usable = rows.filter(pl.col(_RULE).is_null())
    found = match_leads(
        # Matching sees our own number: what the file's ids look like cannot matter to it.
        usable.select(
            pl.col(_ROW).cast(pl.String).alias("lead_id"),
            pl.lit(_ACCOUNT).alias("account_id"),
            *(name for name in FIELDS if name not in {"lead_id", "account_id"}),
        ),
        index,
        matched_at=(clock or Clock()).today(),
        registry_version=registry.name,
    ).with_columns(usable[_ROW])
    answers = rows.select(_ROW, "lead_id", _RULE).join(
        found.select(_ROW, *(name for name in OUTPUT if name != "lead_id")),
        on=_ROW,
        how="left",
        maintain_order="left",
    )
    refused = pl.col(_RULE).is_not_null()
    why = pl.concat_list(pl.format("rejected:{}", pl.col(_RULE)))
    return (
        answers.with_columns(
            pl.when(refused).then(pl.lit(NO_MATCH)).otherwise("verdict").alias("verdict"),
            pl.when(refused).then(why).otherwise("reasons").alias("reasons"),
            pl.when(refused).then(pl.lit([], OUTPUT["alternatives"])).otherwise("alternatives")
            .alias("alternatives"),
        )
        .select(OUTPUT.names())
        .cast(OUTPUT)
    )  # fmt: skip


def numbered(path: Path) -> pl.DataFrame:
    """Return the fields of each row of the file, its number, its id, and why it is refused.

    Returns:
        ``_row`` (from 1), ``_rule`` (null for a usable row) and ``leads.model.FIELDS``.
    """
    rows, table = read_rows(path)
    broken = table.broken.select(pl.col("line").alias(LINE), pl.col("rule").alias(_RULE))
    every = (
        pl.concat([rows, broken], how="diagonal")
        .sort(LINE, maintain_order=True)
        .with_row_index(_ROW, offset=1)
    )
    rules = {name: LEAD_ID_RULES[name] for name in PERSONAL_IDS}
    rules["nothing_identifies_a_company"] = pl.all_horizontal(
        pl.col(name).is_null() for name in IDENTIFYING
    )
    named = "lead_id" in recognise([name for name in table.rows.columns if name != LINE])
    number = pl.format("row-{}" if named else "{}", _ROW)
    judged = every.with_columns(
        pl.coalesce(_RULE, *(pl.when(on).then(pl.lit(name)) for name, on in rules.items())).alias(
            _RULE
        )
    )
    personal = pl.col(_RULE).is_in(PERSONAL_IDS).fill_null(False)
    own = pl.when(~personal).then("lead_id")
    return judged.with_columns(pl.coalesce(own, number).alias("lead_id"))


def print_match(registry: Path | None, leads: Path | None, out: Path | None) -> None:
    """Match a file, write the answers to ``out`` and print how many of each verdict.

    Raises:
        SettingsError: one of the three is not given.
    """
    if registry is None or leads is None or out is None:
        raise SettingsError(
            "--registry, --leads and --out go together",
            next_step="give all three, or only --leads to match in the pipeline",
        )
    answers = match_file(registry, leads)
    with atomic_file(out, point="match") as path:
        answers.write_parquet(path)
    counts = answers.group_by("verdict").len().sort("verdict").iter_rows()
    typer.echo(", ".join(f"{verdict} {number:,}" for verdict, number in counts))
    typer.echo(f"{answers.height:,} rows in {out}")
