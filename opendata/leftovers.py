"""Files under the data folder that nothing names any more.

Belongs here: finding them. Does not belong here: deciding which versions stay
(:mod:`opendata.retention`). A killed run leaves such files, and so does the end of a
version; while a build is under way its files are not named yet, so ask between builds.
"""

from __future__ import annotations

from pathlib import Path

from opendata.fetched import load_fetched
from opendata.receipt import receipt_path
from opendata.state import StateFolder


def unnamed_tables(states: StateFolder) -> list[Path]:
    """Return the files of tables that no version has.

    The quarantine of a refused version has no name either: it stays to be looked at.
    """
    named = {
        states.data_dir / file
        for dataset in states.datasets()
        for version in states.state(dataset).versions
        for table in version.tables.values()
        for file in table.files
    }
    found = [p for folder in ("tables", "hashes") for p in (states.data_dir / folder).glob("*/*")]
    return sorted(path for path in found if path.is_file() and path not in named)


def unnamed_raw(states: StateFolder) -> list[Path]:
    """Return the folders of raw files that no version and no last fetch cites.

    Transfers under way are left alone: the next run goes on with them.
    """
    cited = {
        states.data_dir / one.receipt
        for dataset in states.datasets()
        for version in states.state(dataset).versions
        for one in version.inputs
    }
    for note in (states.data_dir / "raw").glob("*/fetched.json"):
        fetched = load_fetched(states.data_dir, note.parent.name)
        cited |= {receipt_path(one.path(states.data_dir)) for one in fetched.receipts.values()}
    kept = {path.parent for path in cited}
    found = (states.data_dir / "raw").glob("*/*/[0-9a-f]*")
    return sorted(path for path in found if path.is_dir() and path not in kept)
