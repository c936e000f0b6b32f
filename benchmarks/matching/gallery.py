"""The errors that are surest of themselves: ``python -m benchmarks.matching.gallery``.

Belongs here: ``audit.csv``, the hand-checked list of them. Does not belong here: judging, which
a person does, in its last column.

Written anew with the model that ships: what was judged before keeps its judgement as long as the
same unit is found for the same text, what is new has none and is counted as ``not judged``. The
test split is not read. Of leads whose licence allows it to be repeated here, and of units that
are surely legal persons.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from benchmarks.matching import data, fit
from leads import features, scoring
from leads.index import Index
from leads.scoring import load_model
from opendata.files import write_bytes

AUDIT = Path(__file__).with_name("audit.csv")
#: Sets under the Licence Ouverte that hold next to no natural person.
SETS = ("alimconfiance_dgal", "decp_titulaires", "egapro_index", "egapro_index_ues",
        "irep_georisques")  # fmt: skip
#: Sources of registered names that hold legal persons only; of the others some may be none.
LEGAL = ("bitd_sirene", "ccfd_vigilance_sirene", "decp_info_2024", "ess_numerique",
         "sirene_daily_2017")  # fmt: skip
#: Errors of less probability are not looked at.
LEAST = 0.5
SAME = ["set", "typed", "place", "found_siren", "labelled_siren"]
COLUMNS = ["set", "probability", "typed", "place", "found", "found_siren", "labelled",
           "labelled_siren"]  # fmt: skip
NOT_JUDGED = "not judged"


def errors(index: Index) -> pl.DataFrame:
    """Return the wrong first answers to held-out leads, the surest first, without judgement."""
    found = fit.bench(index)
    known = found.pairs.filter(pl.col("split") != "test")
    top, _ = fit.held_out(known)
    top = top.with_columns(scoring.probability(load_model()).alias("probability"))
    wrong = top.filter(
        ~pl.col("open") & ~pl.col("right") & (pl.col("probability") >= LEAST)
        & pl.col("set").is_in(SETS)
    )  # fmt: skip
    told = features.described(wrong, found.asked)
    # Texts and places as they were typed, but for their form.
    typed = found.asked.rows.filter(pl.col("variant") == 0).select(
        "lead", pl.col("name").alias("typed"), pl.coalesce("postcode", "department").alias("place")
    )
    names = index.scan("names").sort("siren", "name").unique("siren", keep="first")
    labelled = names.select(
        pl.col("siren").alias("labelled_siren"), pl.col("name").alias("labelled")
    )
    rows = told.select(
        "lead", "set", pl.col("probability").round(3), pl.col("name_there").alias("found"),
        pl.col("siren").alias("found_siren"), pl.col("true_siren").alias("labelled_siren"),
    )  # fmt: skip
    rows = rows.join(typed, on="lead").join(labelled.collect(), on="labelled_siren", how="left")
    sure = pl.all_horizontal(is_legal_person(side) for side in ("found_siren", "labelled_siren"))
    return rows.filter(sure).select(COLUMNS).sort(
        "probability", "typed", "set", descending=[True, False, False]
    )  # fmt: skip


def is_legal_person(siren: str) -> pl.Expr:
    """Tell which SIRENs are surely those of legal persons.

    Public bodies, whose numbers begin with 1 or 2, those of :data:`LEGAL`, and employers of
    fifty people or more, who declare an index of equality.
    """
    registered = data.registry().filter(pl.col("source").is_in(LEGAL))["siren"]
    declared = data.labelled().filter(pl.col("set").str.starts_with("egapro"))["true_siren"]
    known = pl.concat([registered, declared]).unique()
    return pl.col(siren).is_in(known.implode()) | pl.col(siren).str.contains("^[12]")


def judged(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Add ``judged``: what was said of the same text, unit found and unit labelled, else null."""
    known = before.select(*SAME, "judged").unique(SAME, keep="first", maintain_order=True)
    return rows.join(known, on=SAME, how="left", nulls_equal=True, maintain_order="left")


def counts(rows: pl.DataFrame, least: float) -> pl.DataFrame:
    """Return ``kind`` of judgement, ``errors``, ``taken``: those at ``least`` probability."""
    kind = pl.col("judged").fill_null(NOT_JUDGED).str.extract("^([^:]+)")
    return (
        rows.group_by(kind.alias("kind"))
        .agg(pl.len().alias("errors"), (pl.col("probability") >= least).sum().alias("taken"))
        .sort("errors", "kind", descending=[True, False])
    )


def main() -> None:
    """Write the list anew and print what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        rows = errors(data.build(Path(folder)))
    rows = judged(rows, pl.read_csv(AUDIT, infer_schema=False))
    write_bytes(AUDIT, rows.write_csv(float_precision=3).encode(), point="results")
    least = data.shipped_thresholds()["0.95"]
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
        print(f"{rows.height} errors; taken: from {least:.3f} on\n{counts(rows, least)}")


if __name__ == "__main__":
    main()
