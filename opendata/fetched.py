"""What was last fetched of a dataset, kept between the fetch and the build.

Belongs here: one small file per dataset that names the receipts of a fetch. Does not
belong here: fetching, and what the files become.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import ValidationError

from opendata.catalogue import Model
from opendata.errors import StateError
from opendata.fetch import Fetched
from opendata.files import write_json
from opendata.receipt import load_receipt, receipt_path
from opendata.remote import DateWindow


class Note(Model):
    """The file: receipts named as in :class:`Fetched`, relative to the data folder."""

    dataset: str
    publisher_date: date
    receipts: dict[str, str]
    missing: tuple[str, ...] = ()
    window_from: date | None = None
    window_to: date | None = None


def _path(data_dir: Path, dataset: str) -> Path:
    return data_dir / "raw" / dataset / "fetched.json"


def save_fetched(data_dir: Path, fetched: Fetched) -> None:
    """Keep what was fetched, for the build that follows or a later one."""
    note = Note(
        dataset=fetched.dataset,
        publisher_date=fetched.publisher_date,
        receipts={
            name: str(receipt_path(receipt.path(Path())))
            for name, receipt in fetched.receipts.items()
        },
        missing=fetched.missing,
        window_from=fetched.window.start if fetched.window else None,
        window_to=fetched.window.end if fetched.window else None,
    )
    write_json(_path(data_dir, fetched.dataset), note.model_dump(mode="json"), point="fetched")


def load_fetched(data_dir: Path, dataset: str) -> Fetched:
    """Return what was last fetched of ``dataset``.

    Raises:
        StateError: nothing was, or the note or a receipt cannot be read.
    """
    path = _path(data_dir, dataset)
    again = f"run `company-signals fetch {dataset}`"
    if not path.exists():
        raise StateError("nothing was fetched yet", next_step=again, dataset=dataset)
    try:
        note = Note.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise StateError(
            "the note of the last fetch cannot be read",
            next_step=f"remove it and {again}",
            dataset=dataset,
            file=path.name,
        ) from error
    window = None
    if note.window_from is not None and note.window_to is not None:
        window = DateWindow(note.window_from, note.window_to)
    return Fetched(
        dataset=dataset,
        receipts={name: load_receipt(data_dir / file) for name, file in note.receipts.items()},
        unchanged=False,
        publisher_date=note.publisher_date,
        missing=note.missing,
        window=window,
    )
