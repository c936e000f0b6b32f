"""DiDo, the statistics portal of the ministry in charge of ecology.

Belongs here: a dataset with the vintages of its data files, and their CSV, in the shapes that
were recorded. Does not belong here: any other query of the portal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from opendata.sample_portal.answers import Answer, Question, as_json
from opendata.sample_portal.vintages import PUBLISHED_AT, TableDataset, TableFile

_DATASET = re.compile(r"/dido/api/v1/datasets/([\w-]+)/?")
_FILE = re.compile(r"/dido/api/v1/datafiles/([\w-]+)/csv/?")
#: What the portal adds before the names unless it is told not to.
_LABELS = "withColumnDescription"


class DidoApi:
    """One host at a date.

    Args:
        folder: holds the files.
        datasets: those of the host.
        as_of: gives the portal's date; None shows everything.
    """

    def __init__(
        self, folder: Path, datasets: tuple[TableDataset, ...], as_of: Callable[[], date | None]
    ) -> None:
        self.folder = folder
        self.datasets = {dataset.id: dataset for dataset in datasets}
        self.as_of = as_of

    def answer(self, question: Question) -> Answer:
        """Answer one request."""
        if asked := _DATASET.fullmatch(question.path):
            dataset = self.datasets.get(asked[1])
            return _missing() if dataset is None else as_json(self._describe(dataset))
        if asked := _FILE.fullmatch(question.path):
            files = (file for one in self.datasets.values() for file in one.datafiles)
            found = next((file for file in files if file.rid == asked[1]), None)
            return _missing() if found is None else self._table(found, question)
        return _missing()

    def _visible(self, file: TableFile) -> list[date]:
        today = self.as_of()
        return [day for day in sorted(file.vintages) if today is None or day <= today]

    def _describe(self, dataset: TableDataset) -> dict[str, Any]:
        shown = {file.rid: self._visible(file) for file in dataset.datafiles}
        last = max((days[-1] for days in shown.values() if days), default=None)
        return {
            "id": dataset.id,
            "title": dataset.title,
            "description": dataset.description,
            "license": dataset.license,
            "organization": {"acronym": "SDES"},
            "last_modified": _instant(last) if last else None,
            "datafiles": [
                {
                    "rid": file.rid,
                    "title": file.title,
                    "description": dataset.sample,
                    "last_modified": _instant(shown[file.rid][-1]),
                    "millesimes": [
                        {
                            "millesime": file.vintages[day].millesime,
                            "rows": len(self._lines(file, day)) - 1,
                        }
                        for day in shown[file.rid]
                    ],
                }
                for file in dataset.datafiles
                if shown[file.rid]
            ],
        }

    def _lines(self, file: TableFile, day: date) -> list[bytes]:
        return (self.folder / file.vintages[day].file).read_bytes().splitlines(keepends=True)

    def _table(self, file: TableFile, question: Question) -> Answer:
        wanted = question.one("millesime")
        days = [
            day
            for day in self._visible(file)
            if wanted is None or file.vintages[day].millesime == wanted
        ]
        if not days:
            return _missing()
        lines = self._lines(file, days[-1])
        if question.one(_LABELS) != "false":
            # Two header lines: labels, then names. The labels are not bundled: they stand in.
            lines = [lines[0], *lines]
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        return Answer(200, b"".join(lines), headers)


def _instant(day: date) -> str:
    return datetime.combine(day, PUBLISHED_AT).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _missing() -> Answer:
    return as_json({"statusCode": 404, "message": "Not Found"}, 404)
