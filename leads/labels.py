"""What people answered about leads, kept encrypted.

Belongs here: the form of an answer, the key by which it is found again, and its store. Does not
belong here: reading answers from a file (``answers``), what they do to a match (``aliases``)
or to the model (``refit``).

An answer is about the text of a lead, not about its id: it holds when the list is imported
again, for every lead of the account that says the same, and with every version of the
registry. The text it was given on is kept beside it, company fields only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from leads.places import plain
from leads.queries import ASKED
from opendata.files import replace
from opendata.warehouse import Warehouse

YES, NO, GROUP, UNSURE = "yes", "no", "group", "unsure"
#: ``siren`` is empty where the answer is about no unit in particular; ``text`` is the JSON of
#: :data:`leads.queries.ASKED`; ``applied`` says that the matches know of it.
LABEL_SCHEMA = pl.Schema(
    {
        "account_id": pl.String(),
        "key": pl.String(),
        "siren": pl.String(),
        "says": pl.String(),
        "lead_id": pl.String(),
        "text": pl.String(),
        "answered_at": pl.Date(),
        "applied": pl.Boolean(),
    }
)
_TYPES = {"answered_at": "DATE", "applied": "BOOLEAN"}
_COLUMNS = ", ".join(f"{name} {_TYPES.get(name, 'VARCHAR')}" for name in LABEL_SCHEMA)
_TABLE = f"CREATE TABLE IF NOT EXISTS labels ({_COLUMNS}, PRIMARY KEY (account_id, key, siren))"
_SEPARATOR = "\x1f"


def with_key(leads: pl.DataFrame) -> pl.DataFrame:
    """Add ``key``: equal for leads of one account that say the same, whatever case and accents."""
    said = leads.select(
        pl.concat_str(
            "account_id",
            *(plain(pl.col(name)).fill_null("") for name in ASKED),
            separator=_SEPARATOR,
        ).alias("said")
    ).to_series()
    distinct = said.unique()
    hashed = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in distinct]
    return leads.with_columns(
        said.replace_strict(distinct, pl.Series(hashed, dtype=pl.String)).alias("key")
    )


def with_text(leads: pl.DataFrame) -> pl.DataFrame:
    """Add ``text``: the fields that are looked up, as JSON."""
    return leads.with_columns(pl.struct(ASKED).struct.json_encode().alias("text"))


def texts(labels: pl.DataFrame) -> pl.DataFrame:
    """Return the leads that were answered: ``account_id``, ``lead_id`` (the key), their fields."""
    fields = pl.Struct(dict.fromkeys(ASKED, pl.String))
    once = labels.unique(["account_id", "key"], keep="first", maintain_order=True)
    return once.select(
        "account_id", pl.col("key").alias("lead_id"), pl.col("text").str.json_decode(fields)
    ).unnest("text")


class LabelStore:
    """The encrypted file of answers.

    Args:
        path: the database, made by the first answer with mode 0600.
        key: 64 hexadecimal digits (``leads.keys``), those of the leads.
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
            database.execute(_TABLE)
            yield database
            database.execute("COMMIT")

    def labels(self, account_id: str | None = None) -> pl.DataFrame:
        """Return the answers of one account, or all, columns of :data:`LABEL_SCHEMA`."""
        if not self._path.exists():
            return pl.DataFrame(schema=LABEL_SCHEMA)
        with self._transaction() as database:
            return database.frame(
                "FROM labels WHERE ? IS NULL OR account_id = ? ORDER BY account_id, key, siren",
                [account_id, account_id],
            ).cast(LABEL_SCHEMA)

    def put(self, labels: pl.DataFrame, *, instead: bool = False) -> None:
        """Keep answers beside earlier ones, or ``instead`` of all that was said of their texts."""
        with self._transaction() as database:
            database.connection.register("incoming", labels.select(LABEL_SCHEMA.names()).to_arrow())
            if instead:
                database.execute(
                    "DELETE FROM labels t USING (SELECT DISTINCT account_id, key FROM incoming) g "
                    "WHERE t.account_id = g.account_id AND t.key = g.key"
                )
            database.execute("INSERT OR REPLACE INTO labels BY NAME FROM incoming")
            database.connection.unregister("incoming")

    def all_applied(self) -> None:
        """Note that the matches know of every answer."""
        with self._transaction() as database:
            database.execute("UPDATE labels SET applied = true WHERE NOT applied")

    def erase(self, account_id: str, lead_id: str | None = None) -> int:
        """Forget what was answered of one lead, or of a whole account; return how many answers.

        The file is rewritten, so that the freed pages do not keep what was erased.
        """
        labels = self.labels()
        gone = pl.col("account_id") == account_id
        if lead_id is not None:
            gone &= pl.col("lead_id") == lead_id
        left = labels.filter(~gone)
        if left.height < labels.height:
            fresh = self._path.with_name(f".{self._path.name}.part")
            fresh.unlink(missing_ok=True)
            type(self)(fresh, self._key, temporary=self._temporary).put(left)
            replace(fresh, self._path, point="labels:rewrite")
        return labels.height - left.height
