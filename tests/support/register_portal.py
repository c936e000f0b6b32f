"""A loopback server that answers as the portals of the small registers do.

Belongs here: data-fair, Opendatasoft, data.gouv.fr and DILA's folders, each with one
dataset and one file. Does not belong here: misbehaviour, which the tests of the transport
script themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from answering import answering

MODIFIED = "2026-04-24T06:00:00+00:00"
LICENCE = "Licence Ouverte / Open Licence version 2.0"


@dataclass
class Portal:
    """What the server has: dataset or file id → content; and what it was asked for.

    Attributes:
        base: its URL; official hosts are the first part of the path.
        lines: data-fair datasets.
        exports: Opendatasoft datasets, as CSV.
        files: data.gouv.fr resources: id → dataset id and content.
        titles: titles of those resources, where they are not that of their dataset.
        folder: DILA's files: name → content.
    """

    base: str = ""
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    exports: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    folder: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, str]) -> bytes | None:
        """Return the body for a request; ``None`` if there is no such thing."""
        self.asked.append((path, query))
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match parts[1:]:
            case ["data-fair", "api", "v1", "datasets", name]:
                told = {"id": name, "title": name, "dataUpdatedAt": MODIFIED}
                return _json({**told, "license": {"title": LICENCE}})
            case ["data-fair", "api", "v1", "datasets", name, "lines"]:
                wanted = query["select"].split(",") if "select" in query else None
                # As the portal does: a field without a value is left out.
                rows = [
                    {k: v for k, v in r.items() if v is not None and (not wanted or k in wanted)}
                    for r in self.lines[name]
                ]
                shown = [] if query.get("size") == "0" else rows
                return _json({"total": len(rows), "results": shown})
            case ["api", "explore", "v2.1", "catalog", "datasets", name]:
                told = {"title": name, "license": LICENCE, "data_processed": MODIFIED}
                return _json({"has_records": True, "metas": {"default": told}, "fields": []})
            case ["api", "explore", "v2.1", "catalog", "datasets", name, "records"]:
                return _json({"total_count": self.exports[name].count(b"\n") - 1, "results": []})
            case ["api", "explore", "v2.1", "catalog", "datasets", name, "exports", "csv"]:
                return self.exports[name]
            case ["api", "1", "datasets", name]:
                return self._dataset(name)
            case ["files", name]:
                return self.files[name][1]
            case ["OPENDATA", _] | ["OPENDATA", _, ""]:
                rows = "".join(
                    f'<a href="{name}">{name}</a>  {MODIFIED[:10]} 06:00  1K\n'
                    for name in self.folder
                )
                return f"<html><pre>{rows}</pre></html>".encode()
            case ["OPENDATA", _, name]:
                return self.folder[name]
        return None

    def _dataset(self, name: str) -> bytes:
        (own,) = [(at, body) for at, (owner, body) in self.files.items() if owner == name]
        resource = {
            "id": own[0],
            "title": self.titles.get(own[0], name),
            "url": f"https://www.data.gouv.fr/files/{own[0]}",
            "format": "csv",
            "filesize": len(own[1]),
            "last_modified": MODIFIED,
        }
        return _json({"id": "0" * 24, "license": "lov2", "resources": [resource]})


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


@contextmanager
def serving(portal: Portal) -> Iterator[Portal]:
    """Serve ``portal`` on the loopback interface."""

    def answer(path: str, query: dict[str, str], _key: str) -> tuple[int, bytes]:
        body = portal.answer(path, query)
        return (404, b"") if body is None else (200, body)

    with answering(answer) as portal.base:
        yield portal
