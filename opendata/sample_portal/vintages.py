"""What ``portal.yml`` describes, and what of it is visible at a date.

Belongs here: the model of the description, the file that stands at a date, its checksum and
times. Does not belong here: the shape of any portal's answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from opendata.catalogue import Model
from opendata.errors import SettingsError

#: Time of day of every publication: SIRENE appears in the early morning.
PUBLISHED_AT = time(7, 40, tzinfo=UTC)
MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)


class Organization(Model):
    """The publisher as data.gouv.fr names it."""

    id: str
    name: str
    slug: str
    acronym: str | None = None


class FileResource(Model):
    """A resource of data.gouv.fr: date of publication → file."""

    id: str
    title: str
    format: str
    mime: str
    files: dict[date, str]


class FileDataset(Model):
    """A dataset of data.gouv.fr."""

    id: str
    slug: str
    title: str
    description: str
    license: str
    frequency: str
    organization: Organization | None
    tags: tuple[str, ...]
    sample: str
    resources: tuple[FileResource, ...]

    @property
    def created(self) -> datetime:
        """Return the creation date, which the portal's ids carry in their first bytes."""
        return datetime.fromtimestamp(int(self.id[:8], 16), UTC)


class RecordDataset(Model):
    """A dataset of Opendatasoft: typed fields and JSON-lines files."""

    host: str
    id: str
    title: str
    description: str
    license: str
    license_url: str
    publisher: str
    sample: str
    date_field: str
    fields: dict[str, str]
    files: tuple[str, ...]


class RegisterApi(Model):
    """INSEE's API: service → JSON-lines files of its records, treatment after treatment."""

    sample: str
    files: dict[str, tuple[str, ...]]


class TableVintage(Model):
    """A vintage of a data file: its month, and the CSV."""

    millesime: str
    file: str


class TableFile(Model):
    """A data file of DiDo: date of publication → vintage."""

    rid: str
    title: str
    vintages: dict[date, TableVintage]


class TableDataset(Model):
    """A dataset of DiDo."""

    host: str
    id: str
    title: str
    description: str
    license: str
    sample: str
    datafiles: tuple[TableFile, ...]


class Description(Model):
    """The whole of ``portal.yml``."""

    datagouv: tuple[FileDataset, ...] = ()
    opendatasoft: tuple[RecordDataset, ...] = ()
    dido: tuple[TableDataset, ...] = ()
    insee: RegisterApi | None = None


@dataclass(frozen=True)
class Vintage:
    """The file that a resource has at a date.

    Attributes:
        published: the instant it appeared, UTC.
        title: the resource's title then.
        name: file name, as in the static address.
        content: its bytes.
    """

    published: datetime
    title: str
    name: str
    content: bytes

    @property
    def sha1(self) -> str:
        """Return the checksum that the portal gives."""
        return hashlib.sha1(self.content, usedforsecurity=False).hexdigest()

    @property
    def stamp(self) -> str:
        """Return the folder of the static address, e.g. ``20170101-074000``."""
        return self.published.strftime("%Y%m%d-%H%M%S")


def load(folder: Path) -> Description:
    """Read ``portal.yml`` in ``folder``.

    Raises:
        SettingsError: it is missing, not YAML, or does not fit the model.
    """
    path = folder / "portal.yml"
    try:
        return Description.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SettingsError(
            f"the sample portal's description cannot be read: {str(error).splitlines()[0]}",
            next_step="give the folder that holds portal.yml, as it is in the repository",
            file=path.name,
        ) from error


def vintage(folder: Path, resource: FileResource, as_of: date | None) -> Vintage | None:
    """Return the latest file published on or before ``as_of``; None if none was yet."""
    dates = [day for day in resource.files if as_of is None or day <= as_of]
    if not dates:
        return None
    day = max(dates)
    path = folder / resource.files[day]
    title = resource.title.format(day=f"{day:%d}", month=MONTHS[day.month - 1], year=day.year)
    return Vintage(datetime.combine(day, PUBLISHED_AT), title, path.name, path.read_bytes())


def records(folder: Path, dataset: RecordDataset, as_of: date | None) -> Iterator[dict[str, Any]]:
    """Yield the records dated on or before ``as_of``, in file order, every field present."""
    for name in dataset.files:
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            record: Mapping[str, Any] = json.loads(line)
            day = date.fromisoformat(record[dataset.date_field])
            if as_of is None or day <= as_of:
                yield {field: record.get(field) for field in dataset.fields}
