"""Opendatasoft's Explore API v2.1.

Belongs here: the description of a dataset, ``records`` with its caps, ``exports`` without them,
and the service's errors. Does not belong here: the query language (``odsql.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from opendata.sample_portal import odsql, vintages
from opendata.sample_portal.answers import Answer, Question, as_json
from opendata.sample_portal.drift import Drifts
from opendata.sample_portal.odsql import QueryError
from opendata.sample_portal.vintages import RecordDataset

#: Records of one page, and last reachable by paging.
PAGE = 100
REACH = 10_000

_PATH = re.compile(
    r"/api/explore/v2\.[01]/catalog/datasets/([\w-]+)(?:/(records|exports/(?:jsonl|json)))?/?"
)
Row = dict[str, Any]


class Opendatasoft:
    """One host at a date; arguments as for :class:`~opendata.sample_portal.datagouv.DataGouv`."""

    def __init__(
        self,
        folder: Path,
        datasets: tuple[RecordDataset, ...],
        drifts: Drifts,
        as_of: Callable[[], date | None],
    ) -> None:
        self.folder = folder
        self.datasets = {dataset.id: dataset for dataset in datasets}
        self.drifts = drifts
        self.as_of = as_of

    def answer(self, question: Question) -> Answer:
        """Answer one request."""
        asked = _PATH.fullmatch(question.path)
        if asked is None:
            return _error("NotFound", "Not found", 404)
        name, action = asked.groups()
        if name not in self.datasets or self.drifts.has("vanished", name):
            return _error("NotFoundResource", f"Unknown dataset: {name}", 404)
        dataset = self.drifts.described(self.datasets[name])
        try:
            if action is None:
                return as_json(self._describe(dataset))
            if action == "records":
                return as_json(self._page(dataset, question))
            return self._export(dataset, question, lines=action.endswith("jsonl"))
        except QueryError as error:
            return _error(error.code, error.message, 400)

    def _rows(self, dataset: RecordDataset, question: Question) -> tuple[list[Row], list[str]]:
        """Return the rows asked for, in order, and the fields to show."""
        names = self.drifts.record_names(dataset)
        fields = list(names.values())
        tests = [odsql.where(clause, fields) for clause in question.query.get("where", ())]
        tests += [_refinement(value, fields) for value in question.query.get("refine", ())]
        excluded = [_refinement(value, fields) for value in question.query.get("exclude", ())]
        found: Iterator[Row] = (
            {names[field]: value for field, value in record.items()}
            for record in vintages.records(self.folder, dataset, self.as_of())
        )
        rows = [
            row
            for row in found
            if all(test(row) for test in tests) and not any(test(row) for test in excluded)
        ]
        for field, descending in reversed(_order(question.one("order_by"), fields)):
            present = [row for row in rows if row[field] is not None]
            absent = [row for row in rows if row[field] is None]
            rows = sorted(present, key=lambda row: row[field], reverse=descending) + absent
        return rows, _selection(question.one("select"), fields)

    def _page(self, dataset: RecordDataset, question: Question) -> dict[str, Any]:
        limit = _number(question, "limit", 10, -1, PAGE)
        offset = _number(question, "offset", 0, 0, REACH - 1)
        if offset + limit > REACH:
            raise QueryError(
                "InvalidRESTParameterError",
                f"Invalid value for offset + limit API parameter: {offset + limit} was found"
                f" but offset + limit <= {REACH} is expected.",
            )
        rows, shown = self._rows(dataset, question)
        page = rows[offset : offset + (PAGE if limit < 0 else limit)]
        return {
            "total_count": len(rows),
            "results": [{field: row[field] for field in shown} for row in page],
        }

    def _export(self, dataset: RecordDataset, question: Question, *, lines: bool) -> Answer:
        limit = _number(question, "limit", -1, -1, None)
        rows, shown = self._rows(dataset, question)
        kept = [
            {field: row[field] for field in shown} for row in rows[: limit if limit >= 0 else None]
        ]
        if lines:
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
            return Answer(200, text.encode(), {"Content-Type": "application/jsonl; charset=utf-8"})
        return as_json(kept)

    def _describe(self, dataset: RecordDataset) -> dict[str, Any]:
        names = self.drifts.record_names(dataset)
        known = list(vintages.records(self.folder, dataset, self.as_of()))
        last = max((record[dataset.date_field] for record in known), default=None)
        return {
            "dataset_id": dataset.id,
            "dataset_uid": f"da_{dataset.id.replace('-', '')[:6]}",
            "attachments": [],
            "has_records": True,
            "data_visible": True,
            "fields": [
                {
                    "name": names[field],
                    "label": names[field],
                    "description": None,
                    "annotations": {},
                    "type": kind,
                }
                for field, kind in dataset.fields.items()
            ],
            "features": ["analyze", "timeserie"],
            "metas": {
                "default": {
                    "title": dataset.title,
                    "description": f"<p>{dataset.description}</p>",
                    "theme": None,
                    "keyword": None,
                    "license": dataset.license,
                    "license_url": dataset.license_url,
                    "language": "fr",
                    "modified": f"{last}T05:00:00+00:00" if last else None,
                    "data_processed": f"{last}T05:00:00+00:00" if last else None,
                    "records_count": len(known),
                    "publisher": dataset.publisher,
                    "references": None,
                    "attributions": [dataset.sample],
                }
            },
        }


def _error(code: str, message: str, status: int) -> Answer:
    return as_json({"error_code": code, "message": message}, status)


def _number(question: Question, name: str, default: int, low: int, high: int | None) -> int:
    text = question.one(name)
    if text is None:
        return default
    bounds = f"{low} <= {name} <= {high}" if high is not None else f"{low} <= {name}"
    if (
        not re.fullmatch(r"-?\d+", text)
        or int(text) < low
        or (high is not None and int(text) > high)
    ):
        raise QueryError(
            "InvalidRESTParameterError",
            f"Invalid value for {name} API parameter: {text} was found but {bounds} is expected.",
        )
    return int(text)


def _known(name: str, fields: list[str]) -> str:
    name = name.strip().strip("`")
    if name not in fields:
        raise odsql.unknown_field(name)
    return name


def _selection(text: str | None, fields: list[str]) -> list[str]:
    if text is None or text.strip() == "*":
        return fields
    return [_known(name, fields) for name in text.split(",")]


def _order(text: str | None, fields: list[str]) -> list[tuple[str, bool]]:
    parts = [part.split() for part in (text or "").split(",") if part.strip()]
    return [(_known(part[0], fields), part[1:] in (["desc"], ["DESC"])) for part in parts]


def _refinement(text: str, fields: list[str]) -> odsql.Test:
    name, _, value = text.partition(":")
    field, wanted = _known(name, fields), value.strip().strip('"')

    def test(row: odsql.Record) -> bool:
        found = row[field]
        return wanted in [str(one) for one in (found if isinstance(found, list) else [found])]

    return test
