"""Reading back what people answered.

Belongs here: which rows of a file are answers, what each one says, and which contradict
another. Does not belong here: keeping them (``labels``), what they change (``aliases``).

Columns: ``account_id``, ``lead_id``, ``answer``, ``answer_siren``, and the candidates as the
queue had them (``candidate_<n>_siren``, or all in ``proposed``). A row without an answer is
passed over. Answers: the number of a candidate or ``yes`` (that candidate), ``no`` (none of
them), ``other`` (the SIREN in ``answer_siren``), ``group`` (their group, another unit),
``unsure``; in French too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from leads.explain import SHOWN
from leads.labels import GROUP, LABEL_SCHEMA, NO, UNSURE, YES, with_key, with_text
from leads.tables import LINE, read_table
from opendata.errors import ContractError
from sirene.identifiers import siren_is_valid

OTHER = "other"
WORDS = {
    "yes": YES, "oui": YES, "no": NO, "non": NO, "other": OTHER, "autre": OTHER,
    "group": GROUP, "groupe": GROUP, "unsure": UNSURE, "incertain": UNSURE,
}  # fmt: skip
REFUSED_SCHEMA = pl.Schema({"line": pl.Int64(), "lead_id": pl.String(), "rule": pl.String()})
_TEXT = ["account_id", "key"]


@dataclass(frozen=True)
class Answers:
    """What a file of answers says.

    Attributes:
        labels: columns of ``leads.labels.LABEL_SCHEMA``; to be kept.
        refused: ``line``, ``lead_id``, ``rule``: rows that say nothing usable.
        answered: rows that are kept.
    """

    labels: pl.DataFrame
    refused: pl.DataFrame
    answered: int


def read_answers(
    path: Path, leads: pl.DataFrame, known: pl.DataFrame, *, on: date, replace: bool = False
) -> Answers:
    """Read answers about ``leads``.

    Args:
        path: CSV, XLSX, Parquet or JSON lines.
        leads: columns of ``leads.model.SCHEMA``: every lead that may be answered about.
        known: labels kept already.
        on: legal date of the answers.
        replace: an answer that contradicts a kept one takes its place instead of being refused.

    Raises:
        ContractError: the file cannot be read, or has no column ``lead_id`` or ``answer``.
    """
    return _judged_rows(_rows(path), leads, known, on, replace=replace)


def denied(pairs: pl.DataFrame, leads: pl.DataFrame, known: pl.DataFrame, *, on: date) -> Answers:
    """Take it as answered with "no" that leads are the company they were thought to be.

    A person's own "yes" to the same is not overruled: the pair is refused.

    Args:
        pairs: ``account_id``, ``lead_id``, ``siren``.
        leads: columns of ``leads.model.SCHEMA``.
        known: labels kept already.
        on: legal date of the answers.
    """
    rows = pairs.with_row_index(LINE, offset=1).select(
        pl.col(LINE).cast(pl.Int64), "account_id", "lead_id",
        word=pl.lit(NO), number="siren", proposed=pl.lit([], dtype=pl.List(pl.String)),
    )  # fmt: skip
    return _judged_rows(rows, leads, known, on, replace=False)


def _judged_rows(
    rows: pl.DataFrame, leads: pl.DataFrame, known: pl.DataFrame, on: date, *, replace: bool
) -> Answers:
    texts = with_text(with_key(leads)).select("account_id", "lead_id", "key", "text")
    judged = _judged(rows.join(texts, on=["account_id", "lead_id"], how="left",
                               maintain_order="left"))  # fmt: skip
    said = _said(judged.filter(pl.col("rule").is_null()), on)
    at_odds = _contradictory(said).with_columns(rule=pl.lit("answers_contradict_each_other"))
    if not replace:
        earlier = _against(said, known).with_columns(rule=pl.lit("contradicts_an_earlier_answer"))
        at_odds = pl.concat([at_odds, earlier]).unique(_TEXT, keep="first", maintain_order=True)
    judged = judged.join(at_odds, on=_TEXT, how="left", maintain_order="left", suffix="_odd")
    judged = judged.with_columns(pl.coalesce("rule", "rule_odd").alias("rule"))
    refused = judged.drop_nulls("rule").select(pl.col(LINE).alias("line"), "lead_id", "rule")
    kept = said.join(at_odds, on=_TEXT, how="anti")
    once = kept.sort("lead_id").unique([*_TEXT, "siren"], keep="first", maintain_order=True)
    return Answers(
        once.select(LABEL_SCHEMA.names()).cast(LABEL_SCHEMA).sort(*_TEXT, "siren"),
        refused.match_to_schema(REFUSED_SCHEMA).sort("line"),
        judged.height - refused.height,
    )


def _rows(path: Path) -> pl.DataFrame:
    """Return the rows that answer: line, account, lead, word, number given and proposed."""
    table = read_table(path).rows
    names = [name.strip().lower() for name in table.columns]
    if len({*names}) < len(names):
        raise ContractError(
            "two columns of the file of answers have the same name",
            next_step="answer the file that `company-signals review export` wrote",
            file=f"*{path.suffix}",
        )
    named = table.rename(dict(zip(table.columns, names, strict=True)))
    if not {"account_id", "lead_id", "answer"} <= set(named.columns):
        raise ContractError(
            "a file of answers has the columns account_id, lead_id and answer",
            next_step="answer the file that `company-signals review export` wrote",
            file=f"*{path.suffix}",
        )

    def cell(name: str) -> pl.Expr:
        if name not in named.columns:
            return pl.lit(None, pl.String)
        text = pl.col(name).str.strip_chars().str.strip_prefix("'")
        return pl.when(text != "").then(text)

    proposed = [cell(f"candidate_{place}_siren") for place in range(1, SHOWN + 1)]
    together = cell("proposed").fill_null("").str.extract_all(r"[0-9]{9}")
    rows = named.select(
        LINE, *(cell(name).alias(name) for name in ("account_id", "lead_id")),
        cell("answer").str.to_lowercase().str.strip_suffix(".0").alias("word"),
        cell("answer_siren").str.replace_all(r"[^0-9]", "").alias("number"),
        pl.concat_list(*proposed).list.drop_nulls().list.concat(together).list
        .unique(maintain_order=True).alias("proposed"),
    )  # fmt: skip
    return rows.filter(pl.col("word").is_not_null() | pl.col("number").is_not_null())


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what each row says, of which unit, and the first rule it breaks."""
    position = pl.col("word").cast(pl.Int64, strict=False)
    # A number filled in without a word is another unit, or a candidate picked by number.
    word = pl.coalesce("word", pl.lit(OTHER))
    says = pl.when(position.is_not_null()).then(pl.lit(YES)).otherwise(
        word.replace_strict(WORDS, default=None, return_dtype=pl.String)
    )  # fmt: skip
    only = pl.when(pl.col("proposed").list.len() == 1).then(pl.col("proposed").list.first())
    picked = pl.col("proposed").list.get(position - 1, null_on_oob=True)
    siren = pl.when(position.is_not_null()).then(picked).otherwise(
        pl.coalesce("number", pl.when(says == YES).then(only))
    )  # fmt: skip
    rows = rows.with_columns(says.alias("said"), siren.alias("siren"))
    needs = pl.col("said").is_in([YES, OTHER])
    rules = {
        "lead_unknown": pl.col("key").is_null(),
        "answer_unknown": pl.col("said").is_null(),
        "which_siren_is_not_said": needs & pl.col("siren").is_null(),
        "siren_wrong": needs & ~siren_is_valid(pl.col("siren")),
        "nothing_was_proposed": pl.col("said").is_in([NO, GROUP])
        & pl.col("siren").is_null()
        & (pl.col("proposed").list.len() == 0),
    }
    broken = pl.coalesce(pl.when(on).then(pl.lit(name)) for name, on in rules.items())
    return rows.with_columns(broken.alias("rule"))


def _said(rows: pl.DataFrame, on: date) -> pl.DataFrame:
    """Return one row per unit that an answer is about."""
    is_other = pl.col("said") == OTHER
    positive = pl.col("said").is_in([YES, OTHER])
    shared = (*_TEXT, "lead_id", "text")
    named = rows.filter(positive).select(*shared, "siren", pl.lit(YES).alias("says"))
    # "Another one" also says of each candidate that it is not.
    left = rows.filter(is_other | pl.col("said").is_in([NO, GROUP])).select(
        *shared,
        pl.when(~is_other & pl.col("siren").is_not_null())
        .then(pl.concat_list("siren"))
        .otherwise("proposed")
        .alias("siren"),
        pl.when(pl.col("said") == GROUP).then(pl.lit(GROUP)).otherwise(pl.lit(NO)).alias("says"),
    )
    # A candidate whose number was broken on the way back is nobody to say no to.
    denied = left.explode("siren").filter(siren_is_valid(pl.col("siren")))
    denied = denied.join(named, on=[*_TEXT, "siren"], how="anti")
    unsure = rows.filter(pl.col("said") == UNSURE).select(
        *shared, pl.lit("").alias("siren"), pl.lit(UNSURE).alias("says")
    )
    return pl.concat([named, denied, unsure]).with_columns(
        pl.lit(on).alias("answered_at"), pl.lit(False).alias("applied")
    )


def _contradictory(said: pl.DataFrame) -> pl.DataFrame:
    """Return the texts that are said to be two units, or the same unit and not."""
    two = said.filter(pl.col("says") == YES).group_by(_TEXT).agg(pl.col("siren").n_unique())
    both = said.group_by(*_TEXT, "siren").agg(pl.col("says").n_unique())
    return pl.concat(
        [
            two.filter(pl.col("siren") > 1).select(_TEXT),
            both.filter(pl.col("says") > 1).select(_TEXT),
        ]
    ).unique(_TEXT, maintain_order=True)


def _against(said: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return the texts of which something else was said before."""
    firm = known.filter(pl.col("says") != UNSURE).select(*_TEXT, "siren", "says")
    old_yes = firm.filter(pl.col("says") == YES)
    new_yes = said.filter(pl.col("says") == YES).select(*_TEXT, "siren")
    another = new_yes.join(old_yes.select(*_TEXT, old="siren"), on=_TEXT)
    same_unit = said.select(*_TEXT, "siren", "says").join(
        firm.rename({"says": "before"}), on=[*_TEXT, "siren"]
    )
    return pl.concat(
        [
            another.filter(pl.col("old") != pl.col("siren")).select(_TEXT),
            same_unit.filter(
                (pl.col("says") != pl.col("before"))
                & ((pl.col("says") == YES) | (pl.col("before") == YES))
            ).select(_TEXT),
        ]
    ).unique(_TEXT, maintain_order=True)
