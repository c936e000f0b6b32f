"""From a customer's file to leads.

Belongs here: which rows of a file are acceptable leads, with cells tidied of what tools do
to them. Does not belong here: file formats (``tables``), headers (``headers``), judging
identifiers or names (matching does, so that each lead gets its reason).

Duplicates: within one account the last row of a lead id wins, as in an append-only export;
the earlier ones are reported with the rule ``duplicate_lead_id``, or with
``same_company_again`` when rows without an id describe the same company (an export of
contacts has one row per person).
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
#: What ends an address written in one cell: postcode, commune, and perhaps a country.
_IN_ONE_CELL = r"(?:^|[ ,])([0-9]{5}) +([^,0-9]+?) *(?:,[^,]*)?$"


@dataclass(frozen=True)
class Intake:
    """What became of a file.

    Attributes:
        accepted: one row per lead, the columns of ``leads.model.SCHEMA``, in file order.
        rejected: ``line``, ``column``, ``rule``, ``value`` (masked), one row per refused row.
        read: rows of the file, blank lines left out: accepted + rejected.
        refused_ids: ``account_id``, ``lead_id`` of refused rows that say which lead they are.
        uncut: rows of which not even that is known.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    read: int
    refused_ids: pl.DataFrame
    uncut: int


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
            # The headers are not quoted: in a file without any they are somebody's data.
            "no column holds a company name or identifier "
            f"among {len(table.rows.columns) - 1} column(s)",
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
    """Undo what spreadsheets and people do to codes and places; derive the e-mail's domain."""
    rows = _misplaced(rows.with_columns(_code(name) for name in CODES))
    one_cell = pl.col("address").str.extract_groups(_IN_ONE_CELL)
    nowhere = pl.col("postcode").is_null() & pl.col("city").is_null()
    rows = rows.with_columns(
        pl.when(nowhere).then(one_cell.struct["1"]).otherwise("postcode").alias("postcode"),
        pl.when(nowhere).then(one_cell.struct["2"]).otherwise("city").alias("city"),
    )
    domain = pl.col("contact_email").str.extract(r"@([^@\s>]+)\s*>?$").str.to_lowercase()
    french = pl.col("country").is_null() | pl.col("country").str.contains(r"(?i)^fr(a|ance)?$")
    postcode = _unbroken("postcode")
    return rows.with_columns(
        pl.when(french & postcode.str.contains(r"^\d{4}$"))
        .then(postcode.str.zfill(5))
        .otherwise(postcode)
        .alias("postcode"),
        pl.coalesce("email_domain", domain).alias("email_domain"),
    )


def _unbroken(name: str) -> pl.Expr:
    """Give back the integer that a spreadsheet wrote as ``552032534.0``."""
    return pl.col(name).str.replace(r"^(\d+)[.,]0+$", "${1}")


def _code(name: str) -> pl.Expr:
    """Restore a code that a spreadsheet took for a number, when nothing was lost.

    Scientific notation is undone only if it carries every digit (``9.8918678800018E13``);
    otherwise the text stays as typed and matching reports it. One lost leading zero is put
    back, and the check digit then tells whether that was right; not several, which one number
    of another kind in ten would pass.
    """
    digits = CODES[name]
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


def _misplaced(rows: pl.DataFrame) -> pl.DataFrame:
    """Give each identifier its own column: a SIRET or a VAT number typed as SIREN, or reverse."""
    siren, siret, vat = pl.col("siren"), pl.col("siret"), pl.col("vat")
    is_siret = siren.str.contains(r"^[0-9]{14}$") & siret.is_null()
    is_vat = siren.str.contains(r"(?i)^FR ?[0-9A-Z]{2}[ .]?(?:[0-9][ .]?){9}$") & vat.is_null()
    is_siren = siret.str.contains(r"^[0-9]{9}$") & siren.is_null()
    return rows.with_columns(
        pl.when(is_siret | is_vat).then(None).when(is_siren).then(siret).otherwise(siren)
        .alias("siren"),
        pl.when(is_siret).then(siren).when(is_siren).then(None).otherwise(siret).alias("siret"),
        pl.when(is_vat).then(siren).otherwise(vat).alias("vat"),
    )  # fmt: skip


def _with_ids(rows: pl.DataFrame, default_account: str) -> pl.DataFrame:
    """Fill in the account, and an id made from the company's own data where there is none."""
    rows = rows.with_columns(pl.col("account_id").fill_null(default_account))
    missing = rows.filter(pl.col("lead_id").is_null())
    content = missing.select(
        LINE,
        pl.concat_str([pl.col(name).fill_null("") for name in ID_CONTENT], separator="\x1f").alias(
            "content"
        ),
    )
    distinct = content["content"].unique()
    derived = [f"d-{hashlib.sha256(text.encode()).hexdigest()[:24]}" for text in distinct]
    ids = pl.DataFrame({"content": distinct, "derived": pl.Series(derived, dtype=pl.String)})
    made = content.join(ids, on="content", how="left").drop("content")
    return rows.join(made, on=LINE, how="left", maintain_order="left").with_columns(
        pl.coalesce("lead_id", "derived").alias("lead_id")
    )


def _rules() -> dict[str, tuple[str, pl.Expr]]:
    nothing = pl.all_horizontal(pl.col(name).is_null() for name in IDENTIFYING)
    earlier = pl.col(LINE) != pl.col(LINE).max().over("account_id", "lead_id")
    own = pl.col("derived").is_null()
    return {
        "account_id_invalid": ("account_id", ~pl.col("account_id").str.contains(ACCOUNT_PATTERN)),
        **{rule: ("lead_id", broken) for rule, broken in LEAD_ID_RULES.items()},
        "nothing_identifies_a_company": ("company_name", nothing),
        "duplicate_lead_id": ("lead_id", earlier & own),
        "same_company_again": ("lead_id", earlier & ~own),
    }


def judged_rows(path: Path, *, default_account: str) -> pl.DataFrame:
    """Return ``account_id``, ``lead_id``, ``rule`` of the rows of a file that name a lead.

    ``rule`` is why a row is refused, null if it is not; args and errors as for
    :func:`read_leads`.
    """
    rows, _ = read_rows(path)
    return _judge(_with_ids(rows, default_account)).select("account_id", "lead_id", "rule")


def _judge(rows: pl.DataFrame) -> pl.DataFrame:
    """Add ``rule``: the first that a row breaks, null if none; the refused ones come first."""
    repeated = ["duplicate_lead_id", "same_company_again"]
    rules = _rules()

    def first(names: list[str]) -> pl.Expr:
        return pl.coalesce(pl.when(rules[name][1]).then(pl.lit(name)) for name in names)

    judged = rows.with_columns(
        first([rule for rule in rules if rule not in repeated]).alias("rule")
    )
    # Duplicates are looked for among the usable rows: a broken last row hides no good one.
    good = judged.filter(pl.col("rule").is_null()).with_columns(first(repeated).alias("rule"))
    return pl.concat([judged.filter(pl.col("rule").is_not_null()), good])


def _sort_out(rows: pl.DataFrame, table: RawTable) -> Intake:
    """Separate leads from rows that cannot be used; the first broken rule is the reason."""
    rules = _rules()
    judged = _judge(rows)
    bad = judged.filter(pl.col("rule").is_not_null())
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
    accepted = judged.filter(pl.col("rule").is_null()).select(list(SCHEMA))
    return Intake(
        accepted,
        rejected,
        table.rows.height + table.broken.height,
        bad.select("account_id", "lead_id").unique(),
        table.broken.height,
    )
