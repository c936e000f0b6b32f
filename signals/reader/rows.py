"""Rows of a Parquet file as plain values.

Belongs here: decoding; instants become text in UTC and days ISO text, so that a row is JSON as
it stands. Does not belong here: what a row means.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from signals.reader.errors import StopError

Row = dict[str, Any]
_ROWS = 8_192


def rows(body: bytes) -> Iterator[Row]:
    """Yield the rows of a Parquet file, in its order.

    Raises:
        StopError: the bytes are no Parquet file.
    """
    try:
        with parquet.ParquetFile(pa.BufferReader(body)) as file:
            for batch in file.iter_batches(batch_size=_ROWS):
                for row in batch.to_pylist():
                    yield {name: plain(value) for name, value in row.items()}
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise StopError(
            f"a file is no Parquet that can be read ({type(error).__name__})"
        ) from error


def plain(value: Any) -> Any:
    """Return ``value`` with the types of JSON only."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    raise StopError(f"a value of a kind that no row has ({type(value).__name__})")


def instant(text: str) -> datetime:
    """Return the instant that :func:`plain` wrote."""
    return datetime.fromisoformat(text)
