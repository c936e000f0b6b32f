"""The proof of where a raw file came from.

Belongs here: the receipt, where it lies, and checking a file against it. Does not belong
here: getting the file.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from pydantic import AwareDatetime, Field, ValidationError

from opendata import files
from opendata.catalogue import Model
from opendata.errors import StateError

#: Digits of the SHA-256 that name the folder of a raw file.
SHORT = 12


class Receipt(Model):
    """What was asked, what came, when, under which licence.

    Attributes:
        dataset, resource: our names.
        portal, dataset_id, resource_id, title: the portal's.
        publisher: name of the publisher.
        licence_id, licence_title, licence_url: the licence that was checked.
        url: official address that was asked, without any key.
        final_url: address that sent the bytes, after redirects (a local sample shows here).
        publisher_date: legal date of the publication.
        publisher_modified: instant of the last change, as the portal states it.
        fetched_at: instant of our download, UTC.
        etag, last_modified: validators that the server sent.
        portal_checksum: ``algorithm:value`` as the portal announces it.
        file, sha256, bytes: the file that was kept.
        rows: number of records, where it was counted.
        window_from, window_to: period asked for, both days included.
    """

    dataset: str
    resource: str
    portal: str
    dataset_id: str
    resource_id: str
    title: str
    publisher: str
    licence_id: str
    licence_title: str
    licence_url: str
    url: str
    final_url: str
    publisher_date: date
    publisher_modified: AwareDatetime | None = None
    fetched_at: AwareDatetime
    etag: str | None = None
    last_modified: str | None = None
    portal_checksum: str | None = None
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int
    rows: int | None = None
    window_from: date | None = None
    window_to: date | None = None

    def path(self, data_dir: Path) -> Path:
        """Return where the raw file lies under the data folder."""
        return raw_folder(data_dir, self.dataset, self.resource) / self.sha256[:SHORT] / self.file

    def save(self, data_dir: Path, *, point: str = "receipt") -> Path:
        """Write the receipt beside its file, atomically; return its path."""
        target = receipt_path(self.path(data_dir))
        files.write_json(target, self.model_dump(mode="json"), point=point)
        return target

    def verify(self, data_dir: Path) -> Path:
        """Return the path of the raw file, after checking that it is what was received.

        Raises:
            StateError: the file is missing, or its size or content changed.
        """
        path = self.path(data_dir)
        where = {"dataset": self.dataset, "resource": self.resource, "file": self.file}
        again = f"run `company-signals fetch {self.dataset}` again"
        if not path.is_file():
            raise StateError("the raw file is missing", next_step=again, **where)
        if path.stat().st_size != self.bytes or files.digest(path) != self.sha256:
            raise StateError(
                "the raw file is not the one that was received",
                next_step=f"remove its folder, then {again}",
                **where,
            )
        return path


def raw_folder(data_dir: Path, dataset: str, resource: str) -> Path:
    """Return the folder of every raw file of a resource."""
    return data_dir / "raw" / dataset / resource


def receipt_path(raw: Path) -> Path:
    """Return the path of the receipt of the file ``raw``."""
    return raw.with_name(f"{raw.name}.receipt.json")


def load_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises:
        StateError: it is missing or is not a receipt.
    """
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StateError(
            "the receipt cannot be read",
            next_step="remove its folder and fetch the dataset again",
            file=path.name,
        ) from error


def newest(data_dir: Path, dataset: str, resource: str) -> Receipt | None:
    """Return the latest receipt on disk of a resource, published or not; ``None`` if none."""
    found = raw_folder(data_dir, dataset, resource).glob("*/*.receipt.json")
    receipts = [load_receipt(path) for path in found]
    return max(receipts, key=_age, default=None)


def _age(receipt: Receipt) -> tuple[datetime, str]:
    return (receipt.fetched_at, receipt.sha256)
