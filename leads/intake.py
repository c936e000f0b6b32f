"""From a customer's file to leads.

Belongs here: which rows of a file are acceptable leads, with cells tidied of what tools do
to them. Does not belong here: file formats (``tables``), headers (``headers``), judging
identifiers or names (matching does, so that each lead gets its reason).

Duplicates: within one account the last row of a lead id wins, as in an append-only export;
the earlier ones are reported with the rule ``duplicate_lead_id``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leads.headers import recognise
from leads.model import ACCOUNT_PATTERN, EXTRA, FIELDS, LEAD_ID_RULES, SCHEMA
from leads.tables import LINE, RawTable, read_table
from opendata.errors import ContractError

REJECTED_SCHEMA = pl.Schema(
    {"line": pl.Int64, "column": pl.String, "rule": pl.String, "value": pl.String}
)
#: Fields of which at least one must be filled, or nothing can be matched.
IDENTIFYING = ("company_name", "siren", "siret", "vat", "website", "email_domain")
#: What spreadsheets and exports write for "nothing".
EMPTY = ("", "#N/A", "#REF!", "#VALUE!", "#NAME?", "NULL", "null", "None", "NaN", "nan")
#: Content that makes up the id of a lead that comes without one. No contact data.
ID_CONTENT = ("company_name", "siren", "siret", "vat", "address", "postcode", "city", "website")
CODES = {"siren": 9, "siret": 14}


@dataclass(frozen=True)
class Intake:
    """What became of a file.

    Attributes:
        accepted: one row per lead, the columns of ``leads.model.SCHEMA``, in file order.
        rejected: ``line``, ``column``, ``rule``, ``value`` (masked), one row per refused row.
        read: rows of the file, blank lines left out: accepted + rejected.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    read: int


def read_leads(path: Path, *, default_account: str) -> Intake:
    """Read a lead file in any usual format.

    Args:
        path: CSV (any usual delimiter and encoding), XLSX (first sheet), Parquet, JSON lines.
        default_account: the account of rows that name none.

    Raises:
        ContractError: the file cannot be read, or no column names or identifies a company.
    """
    rows, table = read_rows(path)
    return _sort_out(_with_ids(rows, default_account), table)


def read_rows(path: Path) -> tuple[pl.DataFrame, RawTable]:
    """Return the rows of a lead file under our names, tidied, none refused yet.

    Args:
        path: as for :func:`read_leads`.

    Returns:
        ``_line`` and the columns of ``leads.model.SCHEMA``, then the file as it was cut.

    Raises:
        ContractError: the file cannot be read, or no column names or identifies a company.
    """
    table = read_table(path)
    meaning = recognise([name for name in table.rows.columns if name != LINE])
    if not set(IDENTIFYING) & set(meaning):
        raise ContractError(
            f"no column holds a company name or identifier among {table.rows.columns[1:]}",
            next_step="name one column company_name, siren, siret, vat or website",
            file=f"*{path.suffix}",
        )
    return _tidy(_fields(table, meaning)), table


def _fields(table: RawTable, meaning: dict[str, list[str]]) -> pl.DataFrame:
    """Rename the recognised columns and gather the others under ``extra``."""
    known = {name for names in meaning.values() for name in names}
    others = [name for name in table.rows.columns if name != LINE and name not in known]

    def cell(name: str) -> pl.Expr:
        # NBSP and the like count as blanks; an apostrophe in front is Excel's "this is text".
        trimmed = pl.col(name).str.replace_all(r"[\s\u{A0}\u{202F}\u{FEFF}]+", " ")
        trimmed = trimmed.str.strip_chars().str.strip_prefix("'")
        return pl.when(~trimmed.is_in(EMPTY)).then(trimmed)

    fields = [
        pl.coalesce([cell(name) for name in meaning[field]]).alias(field)
        if field in meaning
        else pl.lit(None, dtype=pl.String).alias(field)
        for field in FIELDS
    ]
    extra = (
        pl.struct([cell(name).alias(name) for name in others]).struct.json_encode()
        if others
        else pl.lit("{}")
    )
    return table.rows.select(pl.col(LINE), *fields, extra.alias(EXTRA))


def _tidy(rows: pl.DataFrame) -> pl.DataFrame:
    """Undo what spreadsheets do to codes; derive the e-mail's domain."""
    domain = pl.col("contact_email").str.extract(r"@([^@\s>]+)\s*>?$").str.to_lowercase()
    french = pl.col("country").is_null() | pl.col("country").str.contains(r"(?i)^fr(a|ance)?$")
    postcode = _unbroken("postcode")
    return rows.with_columns(
        *(_code(name, digits) for name, digits in CODES.items()),
        pl.when(french & postcode.str.contains(r"^\d{4}$"))
        .then(postcode.str.zfill(5))
        .otherwise(postcode)
        .alias("postcode"),
        pl.coalesce("email_domain", domain).alias("email_domain"),
    )


def _unbroken(name: str) -> pl.Expr:
    """Give back the integer that a spreadsheet wrote as ``552032534.0``."""
    return pl.col(name).str.replace(r"^(\d+)[.,]0+$", "${1}")


def _code(name: str, digits: int) -> pl.Expr:
    """Restore a code that a spreadsheet took for a number, when nothing was lost.

    Scientific notation is undone only if it carries every digit (``9.8918678800018E13``);
    otherwise the text stays as typed and matching reports it. One lost leading zero is
    put back, and the check digit then tells whether that was right.
    """
    plain = _unbroken(name).str.replace_all(r"[ .\-_]", "")
    science = pl.col(name).str.extract_groups(r"^(\d)[.,](\d+)[eE]\+?0*(\d{1,2})$")
    mantissa = science.struct["1"] + science.struct["2"]
    exponent = science.struct["3"].cast(pl.Int64, strict=False)
    exact = (mantissa.str.len_chars() <= exponent + 1) & (
        science.struct["2"].str.len_chars() >= digits - 3
    )
    written_out = pl.when(exact).then(mantissa.str.pad_end(digits, "0"))
    number = pl.when(science.struct["1"].is_not_null()).then(written_out).otherwise(plain)
    restored = (
        pl.when(number.str.contains(rf"^\d{{{digits - 1}}}$"))
        .then(number.str.zfill(digits))
        .when(number.str.contains(r"^\d+$"))
        .then(number)
    )
    return pl.coalesce(restored, pl.col(name)).alias(name)


def _with_ids(rows: pl.DataFrame, default_account: str) -> pl.DataFrame:
    """Fill in the account, and an id made from the company's own data where there is none."""
    rows = rows.with_columns(pl.col("account_id").fill_null(default_account))
    missing = rows.filter(pl.col("lead_id").is_null())
    content = missing.select(
        pl.concat_str([pl.col(name).fill_null("") for name in ID_CONTENT], separator="\x1f")
    ).to_series()
    derived = [f"d-{hashlib.sha256(text.encode()).hexdigest()[:24]}" for text in content]
    made = missing.select(LINE).with_columns(pl.Series("derived", derived, dtype=pl.String))
    return rows.join(made, on=LINE, how="left", maintain_order="left").with_columns(
        pl.coalesce("lead_id", "derived").alias("lead_id")
    )


def _rules() -> dict[str, tuple[str, pl.Expr]]:
    nothing = pl.all_horizontal(pl.col(name).is_null() for name in IDENTIFYING)
    later = pl.col(LINE).max().over("account_id", "lead_id")
    return {
        "account_id_invalid": ("account_id", ~pl.col("account_id").str.contains(ACCOUNT_PATTERN)),
        **{rule: ("lead_id", broken) for rule, broken in LEAD_ID_RULES.items()},
        "nothing_identifies_a_company": ("company_name", nothing),
        "duplicate_lead_id": ("lead_id", pl.col(LINE) != later),
    }


def _sort_out(rows: pl.DataFrame, table: RawTable) -> Intake:
    """Separate leads from rows that cannot be used; the first broken rule is the reason."""
    rules = _rules()
    order = [rule for rule in rules if rule != "duplicate_lead_id"]

    def first(names: list[str]) -> pl.Expr:
        return pl.coalesce(pl.when(rules[name][1]).then(pl.lit(name)) for name in names)

    judged = rows.with_columns(first(order).alias("rule"))
    # Duplicates are looked for among the usable rows: a broken last row hides no good one.
    good = judged.filter(pl.col("rule").is_null())
    good = good.with_columns(first(["duplicate_lead_id"]).alias("rule"))
    bad = pl.concat([judged.filter(pl.col("rule").is_not_null()), good.drop_nulls("rule")])
    column = pl.col("rule").replace_strict({name: rules[name][0] for name in rules})
    masked = pl.concat_str(
        pl.lit("<"),
        pl.coalesce(
            pl.when(column == name).then(pl.col(name).str.len_chars())
            for name in ("lead_id", "account_id", "company_name")
        ).fill_null(0),
        pl.lit(" characters>"),
    )
    refused = bad.select(
        pl.col(LINE).alias("line"), column.alias("column"), "rule", masked.alias("value")
    )
    uncut = table.broken.select(
        "line", pl.lit(None, dtype=pl.String).alias("column"), "rule", pl.lit("").alias("value")
    )
    rejected = pl.concat([refused, uncut]).match_to_schema(REJECTED_SCHEMA).sort("line", "rule")
    accepted = good.filter(pl.col("rule").is_null()).select(list(SCHEMA))
    return Intake(accepted, rejected, table.rows.height + table.broken.height)
