"""Leads and matches, kept encrypted.

Belongs here: what is kept of leads and matches, and the changes between two files of one
account. Does not belong here: reading files (``intake``), the key (``keys``), what
happens to signals when a lead goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leads.matching import MATCH_SCHEMA
from leads.model import SCHEMA
from opendata.files import replace
from opendata.warehouse import Warehouse

_LEAD_COLUMNS = ", ".join(f"{name} VARCHAR" for name in SCHEMA)
_ALTERNATIVE = "STRUCT(siren VARCHAR, siret VARCHAR, name VARCHAR, probability DOUBLE)[]"
_TYPES = {
    "probability": "DOUBLE",
    "reasons": "VARCHAR[]",
    "alternatives": _ALTERNATIVE,
    "matched_at": "DATE",
}
_MATCH_COLUMNS = ", ".join(f"{name} {_TYPES.get(name, 'VARCHAR')}" for name in MATCH_SCHEMA)
_TABLES = (
    f"CREATE TABLE IF NOT EXISTS leads ({_LEAD_COLUMNS}, PRIMARY KEY (account_id, lead_id))",
    f"CREATE TABLE IF NOT EXISTS matches ({_MATCH_COLUMNS}, PRIMARY KEY (account_id, lead_id))",
)


@dataclass(frozen=True)
class Changes:
    """Leads by what became of them: ``account_id``, ``lead_id``, sorted."""

    added: pl.DataFrame
    changed: pl.DataFrame
    removed: pl.DataFrame
    unchanged: int


class LeadStore:
    """The encrypted file of leads and matches.

    Each method opens the file, does one transaction and closes it, so that the key is in
    memory and the file locked for no longer than needed.

    Args:
        path: the database, made on first use with mode 0600.
        key: 64 hexadecimal digits (``leads.keys``).
        temporary: folder for spilled data, which is encrypted too.
    """

    def __init__(self, path: Path, key: str, *, temporary: Path) -> None:
        self._path = path
        self._key = key
        self._temporary = temporary

    @contextmanager
    def _transaction(self) -> Iterator[Warehouse]:
        with Warehouse.encrypted(self._path, self._key, temporary=self._temporary) as database:
            database.execute("BEGIN")
            for statement in _TABLES:
                database.execute(statement)
            yield database
            database.execute("COMMIT")

    def upsert(self, leads: pl.DataFrame, *, complete_for: tuple[str, ...] = ()) -> Changes:
        """Take in leads: new ones are added, known ones replaced whole.

        Args:
            leads: columns of ``leads.model.SCHEMA``; one row per account and lead id.
            complete_for: accounts of which ``leads`` is everything. Their leads that are
                not in it are removed, with their matches. Without it nothing is removed.

        Returns:
            What changed. A lead that comes back as it was counts as unchanged.
        """
        with self._transaction() as database, _table(database, leads.select(list(SCHEMA))):
            added = database.frame(
                "SELECT account_id, lead_id FROM incoming "
                "ANTI JOIN leads USING (account_id, lead_id) ORDER BY ALL"
            )
            # EXCEPT compares whole rows and takes two nulls as equal.
            changed = database.frame(
                "SELECT account_id, lead_id FROM (FROM incoming EXCEPT FROM leads) "
                "SEMI JOIN leads USING (account_id, lead_id) ORDER BY ALL"
            )
            removed = database.frame(
                "SELECT account_id, lead_id FROM leads "
                "ANTI JOIN incoming USING (account_id, lead_id) "
                "WHERE list_contains(?, account_id) ORDER BY ALL",
                [list(complete_for)],
            )
            database.execute("INSERT OR REPLACE INTO leads BY NAME FROM incoming")
            # A changed lead is another question: its old answer must not stand for it.
            _delete(database, changed, tables=("matches",))
            _delete(database, removed)
        unchanged = leads.height - added.height - changed.height
        return Changes(added, changed, removed, unchanged)

    def put_matches(self, matches: pl.DataFrame) -> None:
        """Keep the matches of leads; a newer match replaces the older one.

        Matches of leads that are not in the store are ignored: their lead was erased
        while the matching ran.
        """
        with (
            self._transaction() as database,
            _table(database, matches.select(MATCH_SCHEMA.names())),
        ):
            database.execute(
                "INSERT OR REPLACE INTO matches BY NAME "
                "FROM incoming SEMI JOIN leads USING (account_id, lead_id)"
            )

    def unanswered(self, *, registry_version: str, model_version: str) -> pl.DataFrame:
        """Return the leads without a match by this model against this registry."""
        with self._transaction() as database:
            return database.frame(
                "FROM leads ANTI JOIN (FROM matches WHERE registry_version = ? "
                "AND model_version = ?) USING (account_id, lead_id) "
                "ORDER BY account_id, lead_id",
                [registry_version, model_version],
            ).cast(SCHEMA)

    def leads(self, account_id: str | None = None) -> pl.DataFrame:
        """Return the leads of one account, or all, by account and id."""
        return self._read("FROM leads", account_id).cast(SCHEMA)

    def matches(self, account_id: str | None = None) -> pl.DataFrame:
        """Return the matches of one account, or all, by account and lead id."""
        return self._read("FROM matches", account_id).cast(MATCH_SCHEMA)

    def erase(self, account_id: str, lead_id: str | None = None) -> int:
        """Forget one lead, or a whole account, with its matches; return how many leads.

        The file is rewritten, so that the freed pages do not keep what was erased.
        """
        with self._transaction() as database:
            gone = database.frame(
                "SELECT account_id, lead_id FROM leads "
                "WHERE account_id = ? AND (? IS NULL OR lead_id = ?)",
                [account_id, lead_id, lead_id],
            )
            _delete(database, gone)
        self._rewrite()
        return gone.height

    def _read(self, source: str, account_id: str | None) -> pl.DataFrame:
        chosen = " WHERE ? IS NULL OR account_id = ? ORDER BY account_id, lead_id"
        with self._transaction() as database:
            return database.frame(source + chosen, [account_id, account_id])

    def _rewrite(self) -> None:
        """Copy what is left into a new file and put it in the place of the old one."""
        leads, matches = self.leads(), self.matches()
        fresh = self._path.with_name(f".{self._path.name}.part")
        fresh.unlink(missing_ok=True)
        copy = LeadStore(fresh, self._key, temporary=self._temporary)
        copy.upsert(leads)
        copy.put_matches(matches)
        replace(fresh, self._path, point="leads:rewrite")


@contextmanager
def _table(database: Warehouse, rows: pl.DataFrame, name: str = "incoming") -> Iterator[None]:
    """Show a frame to the database under ``name``; nothing of it is written."""
    database.connection.register(name, rows.to_arrow())
    try:
        yield
    finally:
        database.connection.unregister(name)


def _delete(
    database: Warehouse, keys: pl.DataFrame, tables: tuple[str, ...] = ("leads", "matches")
) -> None:
    with _table(database, keys, "gone"):
        for table in tables:
            database.execute(
                f"DELETE FROM {table} t USING gone g "  # noqa: S608 - our own names
                "WHERE t.account_id = g.account_id AND t.lead_id = g.lead_id"
            )
