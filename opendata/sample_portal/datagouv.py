"""data.gouv.fr and its file storage.

Belongs here: the addresses and JSON of API v1 and v2 (udata), the stable redirect, the static
files. Does not belong here: which file stands at a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from opendata.sample_portal import static, vintages
from opendata.sample_portal.answers import Answer, Question, as_json, not_found, redirect
from opendata.sample_portal.drift import OTHER_FORMAT, Drifts
from opendata.sample_portal.vintages import FileDataset, FileResource, Vintage

API = "www.data.gouv.fr"
STORAGE = "static.data.gouv.fr"

_DATASET = re.compile(r"/api/1/datasets/([\w-]+)/?")
_RESOURCE = re.compile(r"/api/2/datasets/resources/([\w-]+)/?")
_STABLE = re.compile(r"(?:/api/1|/fr)?/datasets/r/([\w-]+)/?")
_FILE = re.compile(r"/resources/([\w-]+)/([\w-]+)/([\w.-]+)")


class DataGouv:
    """The portal at a date.

    Args:
        folder: the sample.
        datasets: what it describes.
        drifts: what the publisher changed.
        as_of: gives the portal's date; None shows everything.
        base: gives the base address of the server, to which redirects lead.
    """

    def __init__(
        self,
        folder: Path,
        datasets: tuple[FileDataset, ...],
        drifts: Drifts,
        as_of: Callable[[], date | None],
        base: Callable[[], str],
    ) -> None:
        self.folder = folder
        self.datasets = datasets
        self.drifts = drifts
        self.as_of = as_of
        self.base = base

    def api(self, question: Question) -> Answer:
        """Answer for ``www.data.gouv.fr``."""
        # The stable address is looked at first: "r" would pass for a dataset's name.
        if stable := _STABLE.fullmatch(question.path):
            return self._stable(stable[1])
        if asked := _RESOURCE.fullmatch(question.path):
            return self._resource(asked[1])
        if asked := _DATASET.fullmatch(question.path):
            return self._dataset(asked[1])
        return not_found()

    def storage(self, question: Question) -> Answer:
        """Answer for ``static.data.gouv.fr``: every file published so far keeps its address."""
        asked = _FILE.fullmatch(question.path)
        if asked is None:
            return Answer(404)
        slug, stamp, name = asked.groups()
        for dataset in self.datasets:
            for resource in dataset.resources if dataset.slug == slug else ():
                for day in resource.files:
                    found = self._vintage(resource, day)
                    if found and (found.stamp, found.name) == (stamp, name):
                        return static.serve(
                            found.content,
                            etag=found.sha1,
                            modified=found.published,
                            mime=resource.mime,
                            headers=question.headers,
                        )
        return Answer(404)

    def _vintage(self, resource: FileResource, day: date | None = None) -> Vintage | None:
        limit = self.as_of()
        if day is not None and limit is not None and day > limit:
            return None
        found = vintages.vintage(self.folder, resource, day or limit)
        return self.drifts.vintage(resource.id, found)

    def _find(self, resource_id: str) -> tuple[FileDataset, FileResource, Vintage] | None:
        for dataset in self.datasets:
            for resource in dataset.resources:
                found = self._vintage(resource) if resource.id == resource_id else None
                if found:
                    return dataset, resource, found
        return None

    def _stable(self, resource_id: str) -> Answer:
        found = self._find(resource_id)
        if found is None:
            return not_found()
        dataset, _, current = found
        return redirect(f"{self.base()}/{STORAGE}{_path(dataset, current)}")

    def _resource(self, resource_id: str) -> Answer:
        found = self._find(resource_id)
        if found is None:
            return not_found()
        dataset, resource, current = found
        described = self._describe(dataset, resource, current)
        return as_json({"resource": described, "dataset_id": dataset.id})

    def _dataset(self, name: str) -> Answer:
        for dataset in self.datasets:
            if name in (dataset.id, dataset.slug):
                visible = [(resource, self._vintage(resource)) for resource in dataset.resources]
                shown = [(resource, found) for resource, found in visible if found]
                if shown:
                    last = max(found.published for _, found in shown)
                    described = [self._describe(dataset, *pair) for pair in shown]
                    licence = self.drifts.licence(dataset)
                    return as_json(_dataset(dataset, licence, described, last))
        return not_found()

    def _describe(
        self, dataset: FileDataset, resource: FileResource, current: Vintage
    ) -> dict[str, Any]:
        drifted = self.drifts.has("format", resource.id)
        return {
            "id": resource.id,
            "title": current.title,
            "description": dataset.description,
            "type": "main",
            "filetype": "file",
            "format": OTHER_FORMAT if drifted else resource.format,
            "url": f"https://{STORAGE}{_path(dataset, current)}",
            "latest": f"https://{API}/fr/datasets/r/{resource.id}",
            "checksum": {"type": "sha1", "value": current.sha1},
            "filesize": len(current.content),
            "mime": resource.mime,
            "created_at": _instant(dataset.created),
            "last_modified": _instant(current.published),
            "metrics": {},
            "harvest": None,
            "extras": {
                "check:available": True,
                "check:status": 200,
                "check:date": _instant(current.published),
                "analysis:last-modified-at": _instant(current.published),
                "sample:note": dataset.sample,
            },
            "preview_url": None,
            "schema": None,
            "internal": {
                "created_at_internal": _instant(dataset.created),
                "last_modified_internal": _instant(current.published),
            },
        }


def _path(dataset: FileDataset, current: Vintage) -> str:
    return f"/resources/{dataset.slug}/{current.stamp}/{current.name}"


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _organization(dataset: FileDataset) -> dict[str, Any] | None:
    publisher = dataset.organization
    if publisher is None:
        return None
    return {
        "acronym": publisher.acronym,
        "badges": [{"kind": "public-service"}, {"kind": "certified"}],
        "class": "Organization",
        "id": publisher.id,
        "logo": None,
        "logo_thumbnail": None,
        "name": publisher.name,
        "page": f"https://{API}/fr/organizations/{publisher.slug}/",
        "slug": publisher.slug,
        "uri": f"https://{API}/api/1/organizations/{publisher.slug}/",
    }


def _dataset(
    dataset: FileDataset, licence: str, resources: list[dict[str, Any]], last: datetime
) -> dict[str, Any]:
    return {
        "acronym": None,
        "archived": None,
        "badges": [],
        "contact_points": [],
        "created_at": _instant(dataset.created),
        "deleted": None,
        "description": dataset.description,
        "description_short": None,
        "extras": {"sample:note": dataset.sample},
        "featured": False,
        "frequency": dataset.frequency,
        "frequency_date": None,
        "harvest": None,
        "id": dataset.id,
        "internal": {
            "created_at_internal": _instant(dataset.created),
            "last_modified_internal": _instant(last),
        },
        "last_modified": _instant(last),
        "last_update": _instant(last),
        "license": licence,
        "metrics": {},
        "organization": _organization(dataset),
        "owner": None,
        "page": f"https://{API}/fr/datasets/{dataset.slug}/",
        "private": False,
        "quality": {
            "all_resources_available": True,
            "dataset_description_quality": True,
            "has_open_format": True,
            "has_resources": True,
            "license": licence == dataset.license,
            "resources_documentation": False,
            "score": 0.67,
            "spatial": False,
            "temporal_coverage": False,
            "update_frequency": True,
            "update_fulfilled_in_time": True,
        },
        "resources": resources,
        "schema": None,
        "slug": dataset.slug,
        "spatial": None,
        "tags": list(dataset.tags),
        "temporal_coverage": None,
        "title": dataset.title,
        "uri": f"https://{API}/api/1/datasets/{dataset.slug}/",
    }
