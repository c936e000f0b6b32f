"""The gates a version passes before anybody sees it.

Belongs here: judging the normalised tables of a version by the ``assertions`` of
``dataset.yml``, against the previous version. Does not belong here: judging single values
(``typing_rules.py``) and what happens to the version then (``ingest.py``).

An error blocks the version. A change of more than the usual share of keys holds it for a
person: a truncated file, a change of nomenclature or a yearly refresh look like that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import polars as pl

from opendata import parquet
from opendata.catalogue import Assertions, Dataset, Luhn, Model, Table
from opendata.checkdigits import luhn_valid
from opendata.diff import Tally, tally
from opendata.errors import QualityError
from opendata.lookup import Lookup, packed
from opendata.row_hashes import LINEAGE, Pair

#: La Poste (SIREN 356000000) has its own rule; on other numbers this is plain Luhn.
_LUHN = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
_FIRST_YEAR = 1900


class CheckResult(Model):
    """The answer of one gate.

    Attributes:
        name: the gate, e.g. ``rows_floor`` or ``fill_floor:code_postal``.
        table: the table, empty for the dataset as a whole.
        passed: whether it passed.
        severity: ``error`` blocks, ``warn`` is shown.
        held: the version must wait for a person.
        message: what was found, in numbers, and what to do.
        facts: the numbers.
    """

    name: str
    table: str
    passed: bool
    severity: Literal["error", "warn"] = "error"
    held: bool = False
    message: str
    facts: dict[str, Any]


def check_rejected(dataset: Dataset, read: int, rejected: int) -> CheckResult:
    """Judge the share of records in quarantine by the strictest table's ceiling."""
    ceiling = min(table.assertions.rejected_ceiling for table in dataset.tables.values())
    share = rejected / read if read else 0.0
    return CheckResult(
        name="rejected_ceiling",
        table="",
        passed=share <= ceiling,
        message=f"{rejected:,} of {read:,} records refused ({share:.2%}, at most {ceiling:.2%}); "
        "the quarantine file says which rule each one broke",
        facts={"read": read, "rejected": rejected, "share": share, "ceiling": ceiling},
    )


def check_new_columns(found: Sequence[str], known: Sequence[str]) -> list[CheckResult]:
    """Report the columns that a publisher added, once: the next version knows them.

    Args:
        found: ``resource.header`` that the contract does not know.
        known: the same of the version that serves now. What the first version leaves out
            was left out on purpose.
    """
    added = sorted(set(found) - set(known))
    if not added:
        return []
    shown = ", ".join(added)
    return [
        CheckResult(
            name="new_columns",
            table="",
            passed=False,
            severity="warn",
            message=f"columns that dataset.yml does not describe: {shown}; they stay in the raw "
            "file, describe them if they are of use",
            facts={"columns": added},
        )
    ]


def check_table(
    dataset: Dataset,
    name: str,
    rows: pl.LazyFrame,
    *,
    previous: pl.LazyFrame | None = None,
    others: Mapping[str, pl.LazyFrame] | None = None,
    today: date | None = None,
    hashes: Pair | None = None,
) -> list[CheckResult]:
    """Judge one table of a staged version.

    One scan answers everything but references and the comparison with ``previous``.

    Args:
        dataset: its description.
        name: the table.
        rows: its rows.
        previous: the rows that are current now; ``None`` for the first version, and for
            events, where a window is not expected to resemble the one before.
        others: the other tables of the version, for references.
        today: the legal date, for the sanity of dates.
        hashes: key and hash of the rows of ``previous`` and of ``rows``, to be compared instead.
    """
    table = dataset.tables[name]
    gates = table.assertions
    facts = _facts(table, rows)
    size = int(facts["rows"])
    results = [
        _floor(name, "rows_floor", size, gates.rows_floor),
        *_ceiling(name, size, gates.rows_ceiling),
        _unique(name, table.key, size, int(facts["keys"])),
        *_shares(name, "fill_floor", facts, gates.fill_floor, of=size),
        *_shares(name, "luhn_floor", facts, gates.luhn_floor),
        *_dates(name, table.date, facts, today),
        *_references(name, gates, rows, others or {}),
    ]
    if previous is not None:
        results += _against(dataset.name, name, table, rows, previous, facts, hashes)
    return results


def require(results: Iterable[CheckResult], *, dataset: str) -> None:
    """Raise if a blocking gate failed; a version that is only held passes.

    Raises:
        QualityError: the first failures, in words.
    """
    failed = [one for one in results if not one.passed and one.severity == "error" and not one.held]
    if failed:
        told = "; ".join(
            f"{one.table or 'dataset'} {one.name}: {one.message}" for one in failed[:5]
        )
        raise QualityError(
            f"{len(failed)} gate(s) failed: {told}",
            next_step="look at the file of the publisher; what is published stays as it was",
            dataset=dataset,
        )


def reason_to_hold(results: Iterable[CheckResult]) -> str | None:
    """Return why the version must wait for a person, if it must."""
    return next((one.message for one in results if one.held and not one.passed), None)


def _facts(table: Table, rows: pl.LazyFrame) -> dict[str, Any]:
    gates = table.assertions
    wanted: list[pl.Expr] = [
        pl.len().alias("rows"),
        _neighbours(table.key).alias("repeats"),
        parquet.descends(table.key).alias("unordered"),
    ]
    for column in gates.fill_floor:
        wanted.append(pl.col(column).count().alias(f"fill_floor:{column}"))
    for column in gates.luhn_floor:
        text = pl.col(column)
        wanted.append(luhn_valid(text, _LUHN).sum().alias(f"luhn_floor:{column}"))
        wanted.append(text.count().alias(f"of:luhn_floor:{column}"))
    if table.date is not None:
        day = pl.col(table.date)
        wanted += [
            day.min().alias("first"),
            day.max().alias("last"),
            (day.dt.year() < _FIRST_YEAR).sum().alias("too_old"),
        ]
    facts = rows.select(wanted).collect(engine="streaming").row(0, named=True)
    repeats = facts["repeats"]
    if facts["unordered"]:
        distinct = pl.struct(table.key).n_unique()
        repeats = rows.select(pl.len() - distinct).collect(engine="streaming").item()
    return facts | {"keys": facts["rows"] - repeats}


def _neighbours(key: tuple[str, ...]) -> pl.Expr:
    """Count the rows whose key stands in the row above: all that repeat where rows are in order."""
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key)
    # The row before the first one does not exist: it must not pass for a null key.
    return (same & (pl.int_range(pl.len()) > 0)).sum()


def _floor(table: str, name: str, found: int, floor: int) -> CheckResult:
    return CheckResult(
        name=name,
        table=table,
        passed=found >= floor,
        message=f"{found:,} rows, at least {floor:,} expected; a file that was cut has fewer",
        facts={"rows": found, "floor": floor},
    )


def _ceiling(table: str, found: int, ceiling: int | None) -> list[CheckResult]:
    if ceiling is None:
        return []
    return [
        CheckResult(
            name="rows_ceiling",
            table=table,
            passed=found <= ceiling,
            severity="warn",
            message=f"{found:,} rows, at most {ceiling:,} expected; look for repeated rows",
            facts={"rows": found, "ceiling": ceiling},
        )
    ]


def _unique(table: str, key: tuple[str, ...], size: int, keys: int) -> CheckResult:
    return CheckResult(
        name="unique_key",
        table=table,
        passed=keys == size,
        message=f"{size - keys:,} of {size:,} rows repeat a key ({', '.join(key)}); "
        "a row must stand once",
        facts={"rows": size, "keys": keys},
    )


def _shares(
    table: str, gate: str, facts: Mapping[str, Any], floors: Mapping[str, float], of: int = 0
) -> list[CheckResult]:
    results = []
    for column, floor in floors.items():
        name = f"{gate}:{column}"
        good, total = int(facts[name] or 0), int(facts.get(f"of:{name}", of))
        share = good / total if total else 1.0
        what = "filled" if gate == "fill_floor" else "with a valid check digit"
        results.append(
            CheckResult(
                name=name,
                table=table,
                passed=share >= floor,
                message=f"{column} is {what} in {good:,} of {total:,} rows "
                f"({share:.2%}, at least {floor:.2%}); look for a moved or renamed column",
                facts={"good": good, "of": total, "share": share, "floor": floor},
            )
        )
    return results


def _dates(
    table: str, column: str | None, facts: Mapping[str, Any], today: date | None
) -> list[CheckResult]:
    if column is None:
        return []
    first, last, old = facts["first"], facts["last"], int(facts["too_old"] or 0)
    late = today is not None and last is not None and last > today.replace(month=12, day=31)
    return [
        CheckResult(
            name="date_range",
            table=table,
            passed=not old and not late,
            severity="warn",
            message=f"{column} goes from {first} to {last}, {old:,} before {_FIRST_YEAR}; "
            "dates that cannot be are typing errors of the publisher",
            facts={"first": str(first), "last": str(last), "too_old": old},
        )
    ]


def _references(
    table: str, gates: Assertions, rows: pl.LazyFrame, others: Mapping[str, pl.LazyFrame]
) -> list[CheckResult]:
    results = []
    for column, (target, floor) in gates.references.items():
        other, _, name = target.rpartition(".")
        total, found = _found(rows.select(column), others[other].select(pl.col(name).alias(column)))
        share = found / total if total else 1.0
        results.append(
            CheckResult(
                name=f"references:{column}",
                table=table,
                passed=share >= floor,
                message=f"{found:,} of {total:,} {column} are found in {target} "
                f"({share:.2%}, at least {floor:.2%}); both files must be of the same date",
                facts={"found": found, "of": total, "share": share, "floor": floor},
            )
        )
    return results


def _found(present: pl.LazyFrame, known: pl.LazyFrame) -> tuple[int, int]:
    """Count the values of one column, and those that the same column of ``known`` has too."""
    (column,) = present.collect_schema().names()
    text, number = pl.col(column), packed(pl.col(column))
    if present.collect_schema()[column] == pl.String:
        numbers = known.select(number).collect(engine="streaming").to_series()
        there = Lookup(numbers.drop_nulls()).places
        found = number.fill_null(0).map_batches(
            lambda asked: pl.Series(there(asked)[0]), return_dtype=pl.Boolean, is_elementwise=True
        )
        odd = (text.is_not_null() & number.is_null()).any()
        counts = present.select(text.count().alias("of"), found.sum().alias("found"), odd=odd)
        of, matched, unlike = counts.collect(engine="streaming").row(0)
        if not unlike:
            return of, matched
    texts = present.drop_nulls()
    of, matched = pl.collect_all(
        [texts.select(pl.len()), texts.join(known, on=column, how="semi").select(pl.len())],
        engine="streaming",
    )
    return of.item(), matched.item()


def _against(
    dataset: str,
    name: str,
    table: Table,
    rows: pl.LazyFrame,
    previous: pl.LazyFrame,
    facts: Mapping[str, Any],
    hashes: Pair | None,
) -> list[CheckResult]:
    gates, size = table.assertions, int(facts["rows"])
    before = int(previous.select(pl.len()).collect(engine="streaming").item())
    share = size / before if before else 1.0
    results = [
        CheckResult(
            name="rows_vs_previous",
            table=name,
            passed=share >= gates.rows_vs_previous,
            message=f"{size:,} rows where the previous version had {before:,} ({share:.1%}, at "
            f"least {gates.rows_vs_previous:.1%}); fetch again, the portal may have failed",
            facts={"rows": size, "previous": before, "share": share},
        )
    ]
    # Rows are compared key by key: a key that stands twice is refused already (`unique_key`).
    unique = facts["keys"] == size
    if unique and before >= gates.changed_ceiling_min_rows and results[0].passed:
        # Of one scheme, rows with different hashes differ, so that counting needs no more.
        changes = tally(*(hashes or (previous, rows)), table.key, ignore=LINEAGE)
        results.append(_mass_change(dataset, name, gates, changes, before))
    return results


def _mass_change(
    dataset: str, name: str, gates: Assertions, changes: Tally, before: int
) -> CheckResult:
    share = changes.changed / before
    return CheckResult(
        name="changed_ceiling",
        table=name,
        passed=share <= gates.changed_ceiling,
        held=share > gates.changed_ceiling,
        message=f"{changes.changed:,} of {before:,} keys differ ({share:.1%}, at most "
        f"{gates.changed_ceiling:.1%}): {changes.added:,} added, {changes.modified:,} modified, "
        f"{changes.removed:,} removed; if that is right, run `company-signals release {dataset}`",
        facts={
            "previous": before,
            "added": changes.added,
            "modified": changes.modified,
            "removed": changes.removed,
            "share": share,
        },
    )
