"""Serving bytes as a static server does.

Belongs here: validators, conditional requests and ranges (RFC 9110 §13 and §14), on which
resumed downloads rely. Does not belong here: where the bytes come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from opendata.sample_portal.answers import Answer

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def serve(
    content: bytes, *, etag: str, modified: datetime, mime: str, headers: Mapping[str, str]
) -> Answer:
    """Answer a request for ``content``.

    Args:
        content: the whole file.
        etag: strong validator, without quotes.
        modified: the file's own instant, UTC, whole seconds.
        mime: content type.
        headers: the request's, names in lower case.
    """
    validators = {
        "ETag": f'"{etag}"',
        "Last-Modified": format_datetime(modified.astimezone(UTC), usegmt=True),
        "Accept-Ranges": "bytes",
    }
    if _unchanged(headers, validators["ETag"], modified):
        return Answer(304, b"", validators)
    described = {**validators, "Content-Type": mime}
    asked = headers.get("range")
    if asked and _still_same(headers.get("if-range"), validators):
        return _part(content, asked, described)
    return Answer(200, content, described)


def _unchanged(headers: Mapping[str, str], etag: str, modified: datetime) -> bool:
    """Tell whether the client's copy is current; ``If-None-Match`` wins over the date."""
    tags = headers.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return etag in known or "*" in known
    since = headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return modified <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False


def _still_same(condition: str | None, validators: Mapping[str, str]) -> bool:
    """Tell whether a range may be served: no ``If-Range``, or one that matches strongly."""
    return condition is None or condition in (validators["ETag"], validators["Last-Modified"])


def _part(content: bytes, asked: str, described: Mapping[str, str]) -> Answer:
    """Serve one range; several or a malformed one are ignored, as RFC 9110 §14.2 lets do."""
    found = RANGE.fullmatch(asked.strip())
    if found is None or found.groups() == ("", ""):
        return Answer(200, content, described)
    size = len(content)
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last or size), size - 1)
    else:
        start, end = max(size - int(last), 0), size - 1
    if first and last and int(last) < start:
        return Answer(200, content, described)
    if start >= size or (not first and int(last) == 0):
        return Answer(416, b"", {**described, "Content-Range": f"bytes */{size}"})
    part = {**described, "Content-Range": f"bytes {start}-{end}/{size}"}
    return Answer(206, content[start : end + 1], part)
