"""Leads and matches, kept encrypted.

Belongs here: what is kept of leads and matches (with corrections that a person asked for and
the days on which a lead came), and the changes between two files of one account. Does not
belong here: reading files (``intake``), the key (``keys``), what happens to signals when a
lead goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from leads import feedback
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
_KEY = "PRIMARY KEY (account_id, lead_id"
#: When a lead was first taken in, and the last file that brought it or the last correction.
USAGE_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "lead_id": pl.String(),
        "received_on": pl.Date(),
        "used_on": pl.Date(),
    }
)
#: Values that a person had put right: they win over every later file.
CORRECTIONS_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "lead_id": pl.String(),
        "field": pl.String(),
        "value": pl.String(),
        "corrected_on": pl.Date(),
    }
)
TABLES = ("leads", "matches", "usage", "corrections", "feedback")
_TABLES = (
    f"CREATE TABLE IF NOT EXISTS leads ({_LEAD_COLUMNS}, PRIMARY KEY (account_id, lead_id))",
    f"CREATE TABLE IF NOT EXISTS matches ({_MATCH_COLUMNS}, PRIMARY KEY (account_id, lead_id))",
    "CREATE TABLE IF NOT EXISTS usage (account_id VARCHAR, lead_id VARCHAR, received_on DATE, "
    f"used_on DATE, {_KEY}))",
    "CREATE TABLE IF NOT EXISTS corrections (account_id VARCHAR, lead_id VARCHAR, field VARCHAR, "
    f"value VARCHAR, corrected_on DATE, {_KEY}, field))",
    feedback.TABLE,
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

    def upsert(
        self,
        leads: pl.DataFrame,
        *,
        complete_for: tuple[str, ...] = (),
        on: date | None = None,
    ) -> Changes:
        """Take in leads: new ones are added, known ones replaced whole but for corrections.

        Args:
            leads: columns of ``leads.model.SCHEMA``; one row per account and lead id.
            complete_for: accounts of which ``leads`` is everything. Their leads that are
                not in it are removed, with their matches. Without it nothing is removed.
            on: legal date of the file, from which the time they may be kept runs.

        Returns:
            What changed. A lead that comes back as it was counts as unchanged.
        """
        incoming = _corrected(leads.select(list(SCHEMA)), self.corrections())
        with self._transaction() as database, _table(database, incoming):
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
            _note_use(database, on)
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

    def usage(self) -> pl.DataFrame:
        """Return when each lead came first and last: columns of :data:`USAGE_SCHEMA`."""
        return self._read("FROM usage", None).cast(USAGE_SCHEMA)

    def corrections(self, account_id: str | None = None) -> pl.DataFrame:
        """Return what was put right: columns of :data:`CORRECTIONS_SCHEMA`."""
        found = self._read("FROM corrections", account_id)
        return found.cast(CORRECTIONS_SCHEMA).sort("account_id", "lead_id", "field")

    def correct(
        self, account_id: str, lead_id: str, values: Mapping[str, str | None], on: date
    ) -> bool:
        """Put fields of a lead right, for good; return whether there is such a lead.

        The match is asked for again, and the next file does not bring the old values back.
        """
        rows = [
            {"account_id": account_id, "lead_id": lead_id, "field": name, "value": value}
            for name, value in values.items()
        ]
        given = pl.DataFrame(rows, schema=CORRECTIONS_SCHEMA)
        given = given.with_columns(corrected_on=pl.lit(on))
        known = self.leads(account_id).filter(pl.col("lead_id") == lead_id)
        if known.is_empty():
            return False
        with self._transaction() as database, _table(database, given):
            database.execute("INSERT OR REPLACE INTO corrections BY NAME FROM incoming")
        self.upsert(known, on=on)
        self._rewrite()
        return True

    def feedback(self, account_id: str | None = None) -> pl.DataFrame:
        """Return all that customers said of signals: ``leads.feedback.FEEDBACK_SCHEMA``."""
        found = self._read("FROM feedback", account_id)
        said = found.with_columns(pl.col("at").dt.replace_time_zone("UTC"))
        return said.cast(feedback.FEEDBACK_SCHEMA).sort("account_id", "lead_id", "signal_id", "at")

    def add_feedback(self, rows: pl.DataFrame) -> int:
        """Keep what customers said of signals; return how many rows were not kept before."""
        new = feedback.unknown(rows.select(feedback.FEEDBACK_SCHEMA.names()), self.feedback())
        if new.height:
            plain = new.with_columns(pl.col("at").dt.replace_time_zone(None))
            with self._transaction() as database, _table(database, plain):
                database.execute(
                    "INSERT INTO feedback BY NAME FROM incoming "
                    "SEMI JOIN leads USING (account_id, lead_id)"
                )
        return new.height

    def erase(self, account_id: str, lead_id: str | None = None) -> int:
        """Forget one lead, or a whole account, with all that is kept; return how many leads."""
        with self._transaction() as database:
            gone = database.frame(
                "SELECT account_id, lead_id FROM leads "
                "WHERE account_id = ? AND (? IS NULL OR lead_id = ?)",
                [account_id, lead_id, lead_id],
            )
        self.forget(gone)
        return gone.height

    def forget(self, leads: pl.DataFrame, *, tables: tuple[str, ...] = TABLES) -> None:
        """Remove ``account_id``, ``lead_id`` from ``tables``.

        The file is rewritten even if they were gone already, so that no freed page keeps
        what was erased: a process may have been killed between the two.
        """
        if not self._path.exists():
            return
        with self._transaction() as database:
            _delete(database, leads.select("account_id", "lead_id"), tables=tables)
        self._rewrite()

    def _read(self, source: str, account_id: str | None) -> pl.DataFrame:
        chosen = " WHERE ? IS NULL OR account_id = ? ORDER BY account_id, lead_id"
        with self._transaction() as database:
            return database.frame(source + chosen, [account_id, account_id])

    def _rewrite(self) -> None:
        """Copy what is left into a new file and put it in the place of the old one."""
        left = {name: self._read(f"FROM {name}", None) for name in TABLES}
        fresh = self._path.with_name(f".{self._path.name}.part")
        fresh.unlink(missing_ok=True)
        copy = type(self)(fresh, self._key, temporary=self._temporary)
        with copy._transaction() as database:
            for name, rows in left.items():
                with _table(database, rows):
                    database.execute(f"INSERT INTO {name} BY NAME FROM incoming")
        replace(fresh, self._path, point="leads:rewrite")


@contextmanager
def _table(database: Warehouse, rows: pl.DataFrame, name: str = "incoming") -> Iterator[None]:
    """Show a frame to the database under ``name``; nothing of it is written."""
    database.connection.register(name, rows.to_arrow())
    try:
        yield
    finally:
        database.connection.unregister(name)


def _corrected(leads: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Return ``leads`` with the values that were put right."""
    for (field,), rows in corrections.partition_by("field", as_dict=True).items():
        right = rows.select("account_id", "lead_id", _right="value", _known=pl.lit(True))
        leads = leads.join(
            right, on=["account_id", "lead_id"], how="left", maintain_order="left"
        ).with_columns(
            pl.when(pl.col("_known").fill_null(False))
            .then("_right")
            .otherwise(str(field))
            .alias(str(field))
        )
        leads = leads.drop("_right", "_known")
    return leads


def _note_use(database: Warehouse, on: date | None) -> None:
    if on is None:
        return
    database.execute(
        "INSERT INTO usage SELECT account_id, lead_id, ?, ? FROM incoming "
        "ON CONFLICT DO UPDATE SET used_on = greatest(used_on, excluded.used_on)",
        [on, on],
    )


def _delete(database: Warehouse, keys: pl.DataFrame, tables: tuple[str, ...] = TABLES) -> None:
    with _table(database, keys, "gone"):
        for table in tables:
            database.execute(
                f"DELETE FROM {table} t USING gone g "  # noqa: S608 - our own names
                "WHERE t.account_id = g.account_id AND t.lead_id = g.lead_id"
            )
