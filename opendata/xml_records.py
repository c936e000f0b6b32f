"""Records of XML as lines of JSON.

Belongs here: walking a document from outside once, in bounded memory, and giving each of its
records. Does not belong here: what the elements mean, and columns of text
(:mod:`opendata.json_text`).

A document with a DTD is refused: no publisher here uses one, and entities are how a small file
becomes a large one. So are documents nested without end and records that never end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from opendata.errors import ContractError

#: Levels of elements; the records met so far have nine.
DEPTH = 64
#: Bytes between the ends of two records.
RECORD = 1 << 24


class _Metered:
    """A stream that is weighed between two records."""

    def __init__(self, source: IO[bytes], name: str) -> None:
        self._source = source
        self._name = name
        self.since_record = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self.since_record += len(chunk)
        if self.since_record > RECORD:
            raise _refused(f"no record ends within {RECORD:,} bytes", self._name)
        return chunk


def xml_as_lines(path: Path, records: str, target: Path) -> None:
    """Write each record of ``path`` to ``target`` as one line of JSON.

    An element with children becomes an object, one met several times an array, one with text
    alone a string. Attributes are ``@name`` and the text beside them ``#text``. What stands once
    before the records on their way from the root, as text, is repeated in each of them.

    Args:
        path: the document.
        records: names from below the root to a record, e.g. ``listeAvis/avis``.
        target: the file to write.

    Raises:
        ContractError: not XML, dangerous to read, or without that path.
    """
    try:
        with path.open("rb") as source, target.open("w", encoding="utf-8") as sink:
            for record in _records(_Metered(source, path.name), records.split("/"), path.name):
                sink.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    except DefusedXmlException as error:
        raise _refused(f"it declares a {_kind(error)}", path.name) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ContractError(
            f"not readable as XML: {error}",
            next_step="fetch it again; a cut file ends in the middle of a record",
            file=path.name,
        ) from error


def _records(source: _Metered, way: list[str], name: str) -> Iterator[dict[str, Any]]:
    """Yield the records; every one is forgotten as soon as it was given."""
    stack: list[Element] = []
    context: dict[str, str] = {}
    ways = [way[:length] for length in range(len(way))]
    reached = False
    events = iterparse(source, events=("start", "end"), forbid_dtd=True)
    for event, element in events:
        if event == "start":
            stack.append(element)
            if len(stack) > DEPTH:
                raise _refused(f"its elements are nested more than {DEPTH} deep", name)
            reached = reached or [_local(one) for one in stack[1:]] == ways[-1]
            continue
        stack.pop()
        inside = [_local(one) for one in stack[1:]]
        if inside == ways[-1] and stack and _local(element) == way[-1]:
            yield {**context, **_object(element)}
            source.since_record = 0
            stack[-1].remove(element)
        elif stack and inside in ways and _says_text(element):
            context.setdefault(_local(element), str(element.text).strip())
    if not reached:
        raise ContractError(
            f"it has no {'/'.join(way[:-1])}",
            next_step="look at the file; if the publisher changed its shape, change `records`",
            file=name,
        )


def _says_text(element: Element) -> bool:
    return not len(element) and bool(element.text and element.text.strip())


def _object(element: Element) -> dict[str, Any]:
    value = _value(element)
    return value if isinstance(value, dict) else {"#text": value}


def _value(element: Element) -> Any:
    text = (element.text or "").strip()
    if not len(element) and not element.attrib:
        return text
    found: dict[str, Any] = {f"@{_bare(key)}": value for key, value in element.attrib.items()}
    if text:
        found["#text"] = text
    for child in element:
        name, value = _local(child), _value(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _local(element: Element) -> str:
    return _bare(element.tag)


def _bare(name: str) -> str:
    return name.rpartition("}")[2]


def _kind(error: DefusedXmlException) -> str:
    return {"DTDForbidden": "document type"}.get(type(error).__name__, "foreign entity")


def _refused(what: str, name: str) -> ContractError:
    return ContractError(what, next_step="do not open it; tell the publisher", file=name)
