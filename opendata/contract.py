"""A publisher's file against the columns of ``dataset.yml``.

Belongs here: reading the files of one resource once, streaming, to typed Parquet, with
the rows that break a rule set apart and every row accounted for. Does not belong here:
how a file is opened (``readers.py``), how a value is read (``typing_rules.py``), and what
is judged over a whole table (``quality.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from opendata import readers, sniffing, typing_rules
from opendata.catalogue import Column, Resource
from opendata.errors import ContractError, StateError
from opendata.readers import FIELDS, LINE, Opened
from opendata.typing_rules import raw_name

FILE = "_file"
HIDDEN = "<personal>"
_BAD = "_bad"
_COUNT = "count:"
#: Above this many found headers an error would be unreadable.
_SHOWN = 60


@dataclass(frozen=True)
class ReadResult:
    """What became of the files of a resource.

    Attributes:
        rows: the columns of the resource under our names and types, ``_line`` (Int64, 1 is
            the first record of its file, so the header of a CSV) and, when there are several
            files, ``_file``.
        path: Parquet of ``rows``; absent when they are read from the files each time
            (``again`` of :func:`read_resource`).
        rejected: Parquet of what was refused, one row a (record, column): resource, file,
            line, column, rule, value; ``None`` when nothing was.
        read, accepted, rejected_rows: records; the last two add up to the first.
        rules: ``column:rule`` → values that broke it, whether the row was refused or the
            value made null.
        new_columns: headers that the contract does not know; they stay in the raw file.
        notes: departures from the contract that were tolerated.
    """

    rows: pl.LazyFrame
    path: Path
    rejected: Path | None
    read: int
    accepted: int
    rejected_rows: int
    rules: dict[str, int]
    new_columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_resource(
    resource: Resource,
    paths: Sequence[Path],
    *,
    work: Path,
    empty_ok: bool = False,
    again: bool = False,
) -> ReadResult:
    """Read ``paths`` by the contract of ``resource``.

    Args:
        resource: the description.
        paths: its unpacked files; several are read as one, in that order.
        work: folder for the results and intermediate files; made if absent.
        empty_ok: a window without any record is plausible.
        again: read Parquet files again whenever their rows are asked for, instead of keeping
            a typed copy; they must stay where they are for as long. Other formats are kept.

    Raises:
        ContractError: a header, a format or an encoding differs, or there is no record.
        StateError: a record got lost, which is a fault of ours.
    """
    if not paths:
        raise ContractError(
            "there is no file to read", next_step="fetch the dataset again", resource=resource.name
        )
    work.mkdir(parents=True, exist_ok=True)
    try:
        return _read(resource, paths, work, empty_ok=empty_ok, again=again)
    except ContractError as error:
        error.located(resource=resource.name)
        raise
    except readers.UNREADABLE as error:
        raise ContractError(
            f"the file cannot be read: {readers.reason(error)}",
            next_step="look at the file, or ask the publisher",
            resource=resource.name,
            file=paths[0].name,
        ) from error


def _read(
    resource: Resource, paths: Sequence[Path], work: Path, *, empty_ok: bool, again: bool
) -> ReadResult:
    opened = [readers.open_table(path, resource, work) for path in paths]
    again = again and all(one.native is not None for one in opened)
    try:
        return _split(resource, paths, opened, work, empty_ok=empty_ok, again=again)
    except pl.exceptions.PolarsError as error:
        for path in paths:
            if (found := readers.explained(path, resource)) is not None:
                raise found from error
        if not any(sniffing.kind_of(path) == "csv" for path in paths):
            raise
    mended = [
        readers.mended(path, one, resource, work) if sniffing.kind_of(path) == "csv" else one
        for path, one in zip(paths, opened, strict=True)
    ]
    return _split(resource, paths, mended, work, empty_ok=empty_ok, again=False)


def _split(
    resource: Resource,
    paths: Sequence[Path],
    opened: Sequence[Opened],
    work: Path,
    *,
    empty_ok: bool,
    again: bool,
) -> ReadResult:
    """Tell good rows from bad in one pass over the files, and count them independently."""
    columns = resource.columns
    native = _native(resource, opened)
    texts = [
        _named(resource, path, one, native).with_columns(pl.lit(path.name).alias(FILE))
        for path, one in zip(paths, opened, strict=True)
    ]
    typed = _typed(pl.concat(texts, how="vertical"), columns, native)
    judged = typed.with_columns(_verdict(columns, native))
    target, wide = work / f"{resource.name}.parquet", work / f"{resource.name}.refused.parquet"
    kept = [LINE, *([FILE] if len(paths) > 1 else []), *resource.column_names]
    bad = judged.filter(pl.col(_BAD)).select(LINE, FILE, FIELDS, *_evidence(columns, native))
    good = judged.filter(~pl.col(_BAD)).select(kept)
    tally = judged.select(
        pl.len().alias("read"), (~pl.col(_BAD)).sum().alias("good"), *_nulled_counts(columns)
    )
    sinks = [bad.sink_parquet(wide, lazy=True)]
    if not again:
        sinks.append(good.sink_parquet(target, lazy=True))
    *_, counts = pl.collect_all([*sinks, tally], engine="streaming")
    read = int(counts["read"][0])
    rejected, refused, rules = _quarantined(resource, wide, work)
    for column in columns:
        if column.on_error == "null" and (number := int(counts[_COUNT + column.name][0])):
            rules[f"{column.name}:unreadable"] = number
    if again:
        rows, accepted = _without(typed, wide, refused).select(kept), int(counts["good"][0])
    else:
        rows = pl.scan_parquet(target, glob=False)
        accepted = int(rows.select(pl.len()).collect().item())
    if accepted + refused != read:
        raise StateError(
            f"{read:,} records were read but {accepted:,} kept and {refused:,} refused",
            next_step="report it: no record may be lost",
            resource=resource.name,
        )
    if read == 0 and not empty_ok:
        raise ContractError(
            "the file has 0 data rows",
            next_step="look at the portal: a wrong filter or a failed export looks like this",
            file=paths[0].name,
        )
    return ReadResult(
        rows=rows,
        path=target,
        rejected=rejected,
        read=read,
        accepted=accepted,
        rejected_rows=refused,
        rules=dict(sorted(rules.items())),
        new_columns=_new_columns(resource, opened),
        notes=tuple(dict.fromkeys(note for one in opened for note in one.notes)),
    )


def _native(resource: Resource, opened: Sequence[Opened]) -> frozenset[str]:
    """Return the columns whose values every file holds in their own type already."""
    found = {column.name for column in resource.columns}
    for one in opened:
        if one.native is None:
            return frozenset()
        types = list(one.native.drop(LINE).collect_schema().values())
        dtypes = {_key(header): dtype for header, dtype in zip(one.headers, types, strict=True)}
        for column in resource.columns:
            dtype = next(
                (dtypes[key] for name in column.headers if (key := _key(name)) in dtypes), None
            )
            if dtype is None or not typing_rules.is_native(column, dtype):
                found.discard(column.name)
    return frozenset(found)


def _without(rows: pl.LazyFrame, wide: Path, refused: int) -> pl.LazyFrame:
    """Leave out the rows that were refused, by file and line."""
    if refused == 0:
        return rows
    lines = pl.scan_parquet(wide, glob=False).select(FILE, LINE).collect().lazy()
    return rows.join(lines, on=[FILE, LINE], how="anti", maintain_order="left")


def _named(resource: Resource, path: Path, opened: Opened, native: Collection[str]) -> pl.LazyFrame:
    """Give the columns of one file the names under which their text travels."""
    positions: dict[str, list[int]] = {}
    for position, header in enumerate(opened.headers):
        positions.setdefault(_key(header), []).append(position)
    empty = not opened.headers
    missing = [] if empty else readers.wants(resource, opened.headers)
    if missing:
        shown = ", ".join(opened.headers[:_SHOWN])
        raise ContractError(
            f"columns not found: {', '.join(missing)}; found: {shown}",
            next_step="if the publisher renamed them, add the new headers as `synonyms`",
            file=path.name,
        )
    chosen = []
    for column in resource.columns:
        keys = [_key(name) for name in column.headers]
        at = next((positions[key] for key in keys if key in positions), [])
        if len(at) > 1:
            raise ContractError(
                f"the header {opened.headers[at[0]]!r} stands {len(at)} times",
                next_step="ask the publisher which one counts",
                file=path.name,
            )
        chosen.append(_source(opened, at, typed=column.name in native).alias(raw_name(column)))
    if opened.native is not None:
        return opened.native.select(LINE, pl.lit(None, dtype=pl.String).alias(FIELDS), *chosen)
    has_fields = FIELDS in opened.frame.collect_schema()
    fields = pl.col(FIELDS) if has_fields else pl.lit(None, dtype=pl.String).alias(FIELDS)
    return opened.frame.select(LINE, fields, *chosen)


def _source(opened: Opened, at: Sequence[int], *, typed: bool) -> pl.Expr:
    """Return the column of a file at a position, null if it has none."""
    if not at:
        return pl.lit(None, dtype=pl.String)
    found = pl.col(f"c{at[0]}")
    if opened.native is None or typed:
        return found
    return readers.as_text(found, opened.native.collect_schema()[f"c{at[0]}"])


def _key(header: str) -> str:
    return header.strip().casefold()


def _typed(texts: pl.LazyFrame, columns: Sequence[Column], native: Collection[str]) -> pl.LazyFrame:
    """Add the repaired text and the typed value, null where a lenient column is unreadable."""
    frame = typing_rules.typed(texts, columns, native)
    lenient = [column for column in columns if column.on_error == "null"]
    if not lenient:
        return frame
    return frame.with_columns(
        pl.when(~typing_rules.failed(column, native=column.name in native))
        .then(pl.col(column.name))
        .alias(column.name)
        for column in lenient
    )


def _verdict(columns: Sequence[Column], native: Collection[str]) -> pl.Expr:
    """Tell which rows are refused."""
    flags = [
        typing_rules.failed(column, native=column.name in native)
        for column in columns
        if column.on_error == "reject" and typing_rules.rules(column, native=column.name in native)
    ]
    unfilled = [
        pl.col(column.name).is_null()
        for column in columns
        if column.on_error == "null" and not column.nullable
    ]
    return pl.any_horizontal(pl.col(FIELDS).is_not_null(), *flags, *unfilled).alias(_BAD)


def _nulled_counts(columns: Sequence[Column]) -> list[pl.Expr]:
    return [
        (pl.col(typing_rules.given_name(column)).is_not_null() & pl.col(column.name).is_null())
        .sum()
        .alias(_COUNT + column.name)
        for column in columns
        if column.on_error == "null"
    ]


def _evidence(columns: Sequence[Column], native: Collection[str]) -> list[pl.Expr]:
    """Return, for each column that can refuse a row, its first broken rule and its text."""
    found = []
    for column in columns:
        if not typing_rules.rules(column, native=column.name in native):
            continue
        rule = typing_rules.first_broken(column, native=column.name in native)
        if column.on_error == "null":
            absent = pl.col(column.name).is_null()
            rule = pl.when(absent).then(pl.lit("required")) if not column.nullable else pl.lit(None)
        text = pl.col(raw_name(column)).cast(pl.String)
        if column.personal in ("sole_trader", "contact"):
            text = pl.when(text.is_not_null()).then(pl.lit(HIDDEN))
        found.append(
            pl.struct(rule.cast(pl.String).alias("rule"), text.alias("value")).alias(column.name)
        )
    return found


def _quarantined(
    resource: Resource, wide: Path, work: Path
) -> tuple[Path | None, int, dict[str, int]]:
    """Turn the refused rows into the quarantine's one row a (record, column)."""
    frame = pl.scan_parquet(wide, glob=False)
    refused = int(frame.select(pl.len()).collect().item())
    if refused == 0:
        return None, 0, {}
    names = [name for name in frame.collect_schema() if name not in (LINE, FILE, FIELDS)]
    ragged = pl.col(FIELDS).is_not_null()
    parts = [
        frame.filter(ragged).select(
            FILE,
            LINE,
            pl.lit("").alias("column"),
            pl.lit("fields").alias("rule"),
            pl.col(FIELDS).alias("value"),
        ),
        *(
            frame.filter(~ragged, pl.col(name).struct.field("rule").is_not_null()).select(
                FILE,
                LINE,
                pl.lit(name).alias("column"),
                pl.col(name).struct.field("rule"),
                pl.col(name).struct.field("value"),
            )
            for name in names
        ),
    ]
    target = work / f"{resource.name}.rejected.parquet"
    pl.concat(parts).select(
        pl.lit(resource.name).alias("resource"),
        pl.col(FILE).alias("file"),
        pl.col(LINE).alias("line"),
        "column",
        "rule",
        "value",
    ).sink_parquet(target)
    counts = pl.scan_parquet(target, glob=False).group_by("column", "rule").agg(pl.len()).collect()
    return target, refused, {f"{column}:{rule}": number for column, rule, number in counts.rows()}


def _new_columns(resource: Resource, opened: Sequence[Opened]) -> tuple[str, ...]:
    known = {_key(name) for column in resource.columns for name in column.headers}
    met = dict.fromkeys(header for one in opened for header in one.headers if header)
    return tuple(header for header in met if _key(header) not in known)
