"""What a publisher may change without warning, switched on by tests.

Belongs here: each way in which a real portal has drifted, applied to a description or to a
file. Does not belong here: noticing it; that is the contract check's work.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any, Literal, get_args

from opendata.sample_portal.vintages import FileDataset, RecordDataset, Vintage

#: ``title`` another title; ``format`` another format (Opendatasoft: the date becomes text);
#: ``header`` the first column renamed; ``licence`` another licence; ``vanished`` no resource.
Kind = Literal["title", "format", "header", "licence", "vanished"]

OTHER_TITLE = "Fichier renommé par le producteur"
OTHER_FORMAT = "xlsx"
OTHER_LICENCE = "notspecified"
RENAMED = "renomme_"


class Drifts:
    """The drifts in force: kind → ids of the resources (or Opendatasoft datasets)."""

    def __init__(self) -> None:
        self._active: set[tuple[Kind, str]] = set()

    def add(self, kind: Kind, resource: str) -> None:
        """Switch a drift on; a kind that does not exist is a mistake of the test."""
        if kind not in get_args(Kind):
            raise ValueError(f"{kind!r} is none of {', '.join(get_args(Kind))}")
        self._active.add((kind, resource))

    def clear(self) -> None:
        """Switch every drift off."""
        self._active.clear()

    def has(self, kind: Kind, resource: str) -> bool:
        """Tell whether a drift is in force for ``resource``."""
        return (kind, resource) in self._active

    def vintage(self, resource: str, found: Vintage | None) -> Vintage | None:
        """Return the file as the drifted publisher has it."""
        if found is None or self.has("vanished", resource):
            return None
        title = OTHER_TITLE if self.has("title", resource) else found.title
        content = found.content
        if self.has("header", resource):
            content = _rename_first_column(content)
        return Vintage(found.published, title, found.name, content)

    def licence(self, dataset: FileDataset) -> str:
        """Return the licence id of a dataset."""
        drifted = any(self.has("licence", resource.id) for resource in dataset.resources)
        return OTHER_LICENCE if drifted else dataset.license

    def described(self, dataset: RecordDataset) -> RecordDataset:
        """Return an Opendatasoft dataset as the drifted publisher describes it."""
        changed: dict[str, Any] = {}
        if self.has("title", dataset.id):
            changed["title"] = OTHER_TITLE
        if self.has("licence", dataset.id):
            changed["license"] = OTHER_LICENCE
        if self.has("format", dataset.id):
            changed["fields"] = dataset.fields | {dataset.date_field: "text"}
        return dataset.model_copy(update=changed)

    def record_names(self, dataset: RecordDataset) -> dict[str, str]:
        """Return field → name under which the portal gives it."""
        first = next(iter(dataset.fields))
        renamed = self.has("header", dataset.id)
        return {
            field: f"{RENAMED}{field}" if renamed and field == first else field
            for field in dataset.fields
        }


def _rename_first_column(content: bytes) -> bytes:
    """Return a CSV, bare or alone in a zip, whose first column has another name."""
    if not content.startswith(b"PK"):
        return RENAMED.encode() + content
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry, RENAMED.encode() + source.read(entry))
    return changed.getvalue()
