"""A publisher's file against the columns of ``dataset.yml``.

Belongs here: reading the files of one resource once, streaming, to typed Parquet, with
the rows that break a rule set apart and every row accounted for. Does not belong here:
how a file is opened (``readers.py``), how a value is read (``typing_rules.py``), and what
is judged over a whole table (``quality.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
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
        path: typed Parquet: the columns of the resource under our names, ``_line`` (Int64,
            1 is the first record of its file, so the header of a CSV) and, when there are
            several files, ``_file``.
        rejected: Parquet of what was refused, one row a (record, column): resource, file,
            line, column, rule, value; ``None`` when nothing was.
        read, accepted, rejected_rows: records; the last two add up to the first.
        rules: ``column:rule`` → values that broke it, whether the row was refused or the
            value made null.
        new_columns: headers that the contract does not know; they stay in the raw file.
        notes: departures from the contract that were tolerated.
    """

    path: Path
    rejected: Path | None
    read: int
    accepted: int
    rejected_rows: int
    rules: dict[str, int]
    new_columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_resource(
    resource: Resource, paths: Sequence[Path], *, work: Path, empty_ok: bool = False
) -> ReadResult:
    """Read ``paths`` by the contract of ``resource``.

    Args:
        resource: the description.
        paths: its unpacked files; several are read as one, in that order.
        work: folder for the results and intermediate files; made if absent.
        empty_ok: a window without any record is plausible.

    Raises:
        ContractError: a header, a format or an encoding differs, or there is no record.
        StateError: a record got lost, which is a fault of ours.
    """
    if not paths:
        raise ContractError(
            "there is no file to read", next_step="fetch the dataset again", resource=resource.name
        )
    work.mkdir(parents=True, exist_ok=True)
    if resource.format == "xml":
        return _pass_through(resource, paths, work)
    try:
        return _read(resource, paths, work, empty_ok=empty_ok)
    except ContractError as error:
        error.located(resource=resource.name)
        raise


def _read(resource: Resource, paths: Sequence[Path], work: Path, *, empty_ok: bool) -> ReadResult:
    opened = [readers.open_table(path, resource, work) for path in paths]
    try:
        return _split(resource, paths, opened, work, empty_ok=empty_ok)
    except pl.exceptions.ComputeError as error:
        for path in paths:
            if (found := readers.explained(path, resource)) is not None:
                raise found from error
        if not any(sniffing.kind_of(path) == "csv" for path in paths):
            raise ContractError(
                f"the file cannot be read: {str(error).splitlines()[0]}",
                next_step="look at the file, or ask the publisher",
            ) from error
    mended = [
        readers.mended(path, one, resource, work) if sniffing.kind_of(path) == "csv" else one
        for path, one in zip(paths, opened, strict=True)
    ]
    return _split(resource, paths, mended, work, empty_ok=empty_ok)


def _split(
    resource: Resource,
    paths: Sequence[Path],
    opened: Sequence[Opened],
    work: Path,
    *,
    empty_ok: bool,
) -> ReadResult:
    """Write good and bad rows in one pass over the files, and count them independently."""
    columns = resource.columns
    texts = [
        _named(resource, path, one).with_columns(pl.lit(path.name).alias(FILE))
        for path, one in zip(paths, opened, strict=True)
    ]
    judged = _judged(pl.concat(texts, how="vertical"), columns)
    target, wide = work / f"{resource.name}.parquet", work / f"{resource.name}.refused.parquet"
    kept = [LINE, *([FILE] if len(paths) > 1 else []), *resource.column_names]
    good = judged.filter(~pl.col(_BAD)).select(kept)
    bad = judged.filter(pl.col(_BAD)).select(LINE, FILE, FIELDS, *_evidence(columns))
    tally = judged.select(pl.len().alias("read"), *_nulled_counts(columns))
    *_, counts = pl.collect_all(
        [
            good.sink_parquet(target, lazy=True),
            bad.sink_parquet(wide, lazy=True),
            tally,
        ],
        engine="streaming",
    )
    read = int(counts["read"][0])
    rejected, refused, rules = _quarantined(resource, wide, work)
    for column in columns:
        if column.on_error == "null" and (number := int(counts[_COUNT + column.name][0])):
            rules[f"{column.name}:unreadable"] = number
    accepted = pl.scan_parquet(target, glob=False).select(pl.len()).collect().item()
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
        path=target,
        rejected=rejected,
        read=read,
        accepted=accepted,
        rejected_rows=refused,
        rules=dict(sorted(rules.items())),
        new_columns=_new_columns(resource, opened),
        notes=tuple(dict.fromkeys(note for one in opened for note in one.notes)),
    )


def _named(resource: Resource, path: Path, opened: Opened) -> pl.LazyFrame:
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
        source = pl.col(f"c{at[0]}") if at else pl.lit(None, dtype=pl.String)
        chosen.append(source.alias(raw_name(column)))
    has_fields = FIELDS in opened.frame.collect_schema()
    fields = pl.col(FIELDS) if has_fields else pl.lit(None, dtype=pl.String).alias(FIELDS)
    return opened.frame.select(LINE, fields, *chosen)


def _key(header: str) -> str:
    return header.strip().casefold()


def _judged(texts: pl.LazyFrame, columns: Sequence[Column]) -> pl.LazyFrame:
    """Add the repaired text, the typed value and the verdict of each row."""
    flags = [
        typing_rules.failed(column)
        for column in columns
        if column.on_error == "reject" and typing_rules.rules(column)
    ]
    frame = typing_rules.typed(texts, columns)
    lenient = [column for column in columns if column.on_error == "null"]
    if lenient:
        frame = frame.with_columns(
            pl.when(~typing_rules.failed(column)).then(pl.col(column.name)).alias(column.name)
            for column in lenient
        )
    unfilled = [pl.col(column.name).is_null() for column in lenient if not column.nullable]
    return frame.with_columns(
        pl.any_horizontal(pl.col(FIELDS).is_not_null(), *flags, *unfilled).alias(_BAD)
    )


def _nulled_counts(columns: Sequence[Column]) -> list[pl.Expr]:
    return [
        (pl.col(typing_rules.given_name(column)).is_not_null() & pl.col(column.name).is_null())
        .sum()
        .alias(_COUNT + column.name)
        for column in columns
        if column.on_error == "null"
    ]


def _evidence(columns: Sequence[Column]) -> list[pl.Expr]:
    """Return, for each column that can refuse a row, its first broken rule and its text."""
    found = []
    for column in columns:
        if not typing_rules.rules(column):
            continue
        rule = typing_rules.first_broken(column)
        if column.on_error == "null":
            absent = pl.col(column.name).is_null()
            rule = pl.when(absent).then(pl.lit("required")) if not column.nullable else pl.lit(None)
        text = pl.col(raw_name(column))
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


def _pass_through(resource: Resource, paths: Sequence[Path], work: Path) -> ReadResult:
    """Hand XML on by path: only the ``normalise.py`` of its dataset knows its shape."""
    target = work / f"{resource.name}.parquet"
    frame = pl.DataFrame(
        {
            LINE: list(range(1, len(paths) + 1)),
            FILE: [path.name for path in paths],
            "path": [str(path) for path in paths],
        },
        schema={LINE: pl.Int64, FILE: pl.String, "path": pl.String},
    )
    frame.write_parquet(target)
    return ReadResult(target, None, len(paths), len(paths), 0, {}, ())
