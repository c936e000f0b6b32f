"""Where a DuckLake is, and opening it.

Belongs here: the address, its check, the credentials from the environment, attaching it to a
connection. Does not belong here: what is written (:mod:`opendata.lake`), opening DuckDB
(``warehouse.py``).

No secret is part of the address: libpq reads PGPASSWORD or a password file by itself, the key
of the store is in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from opendata.errors import SettingsError, StateError
from opendata.stores import KEY_ID, SECRET, TOKEN, plain_allowed
from opendata.warehouse import MEMORY_LIMIT, Warehouse, literal, load_extension

#: Name of the lake within a connection.
CATALOGUE = "lake"
#: Writers that meet at the catalogue take turns: under load more than the ten of DuckLake.
RETRIES = 100


@dataclass(frozen=True)
class LakeAddress:
    """Where the catalogue and the files of a lake are; holds no secret.

    Attributes:
        catalogue: ``postgres:dbname=lake host=db user=signals``, or the path of a DuckDB file,
            which lets one process in at a time.
        data: folder or ``s3://bucket/prefix`` of its files.
        endpoint: base URL of the store if it is not AWS.
        region: region that requests to the store are signed for.
        keep_days: days for which earlier states can be read.
    """

    catalogue: str
    data: str
    endpoint: str = ""
    region: str = "us-east-1"
    keep_days: int = 30

    def __post_init__(self) -> None:
        if "password" in self.catalogue.lower() or "@" in self.catalogue:
            raise SettingsError(
                "the address of the lake holds a password",
                next_step="give it as PGPASSWORD, or in the file that PGPASSFILE names",
            )
        if not self.data:
            raise SettingsError(
                "the lake has no place for its files",
                next_step="name a folder or s3://bucket/prefix (SIGNALS_LAKE_DATA)",
            )

    @property
    def remote(self) -> bool:
        """Return whether the files are in an object store."""
        return self.data.startswith("s3://")


@contextmanager
def attached(
    lake: LakeAddress,
    environment: Mapping[str, str] = os.environ,
    *,
    read_only: bool = False,
    memory_limit: str = MEMORY_LIMIT,
    threads: int = 0,
    temporary: Path | None = None,
) -> Iterator[Warehouse]:
    """Open a database in memory with the lake attached as :data:`CATALOGUE`.

    The lake is made if the catalogue has none.

    Raises:
        SettingsError: an extension or a credential is missing, or the address is wrong.
        StateError: the catalogue cannot be reached, or is of another version.
    """
    with Warehouse.in_memory(memory_limit=memory_limit, threads=threads, temporary=temporary) as db:
        _equip(db, lake)
        if lake.remote:
            _give_key(db, lake, environment)
        elif not read_only:
            Path(lake.data).mkdir(parents=True, exist_ok=True)
        db.execute(f"SET ducklake_max_retry_count = {RETRIES}")
        # Rows are in files alone: what is forgotten must not live on in the catalogue.
        db.execute("SET ducklake_default_data_inlining_row_limit = 0")
        place = lake.data.rstrip("/") + "/"
        options = f"DATA_PATH {literal(place)}" + (", READ_ONLY" if read_only else "")
        try:
            db.execute(f"ATTACH {literal('ducklake:' + lake.catalogue)} AS {CATALOGUE} ({options})")
        except duckdb.Error as error:
            raise StateError(
                f"the lake cannot be opened ({str(error).splitlines()[0]})",
                next_step="check that its catalogue answers and that the place of its files is "
                "the one it was made with",
            ) from None
        yield db


def _equip(db: Warehouse, lake: LakeAddress) -> None:
    needed = ["ducklake"]
    needed += ["postgres_scanner"] if lake.catalogue.startswith("postgres:") else []
    needed += ["httpfs"] if lake.remote else []
    for name in needed:
        if not load_extension(db.connection, name):
            raise SettingsError(
                f"DuckDB {duckdb.__version__} has no extension {name}",
                next_step="install requirements/scale.txt (docs/operations/scale-out.md)",
            )


def _give_key(db: Warehouse, lake: LakeAddress, environment: Mapping[str, str]) -> None:
    lacking = [name for name in (KEY_ID, SECRET) if not environment.get(name)]
    if lacking:
        raise SettingsError(
            f"the environment has no {' and no '.join(lacking)}",
            next_step="give the key of the lake's bucket in the environment",
        )
    parts = [
        "TYPE s3",
        f"KEY_ID {literal(environment[KEY_ID])}",
        f"SECRET {literal(environment[SECRET])}",
        f"REGION {literal(lake.region)}",
    ]
    if environment.get(TOKEN):
        parts.append(f"SESSION_TOKEN {literal(environment[TOKEN])}")
    if lake.endpoint:
        plain = plain_allowed(lake.endpoint)
        where = urlsplit(lake.endpoint)
        parts += [f"ENDPOINT {literal(where.netloc)}", "URL_STYLE 'path'"]
        parts.append(f"USE_SSL {'false' if plain else 'true'}")
    try:
        db.execute(f"CREATE SECRET ({', '.join(parts)})")
    except duckdb.Error:
        # The statement holds the key: the cause is not chained.
        raise SettingsError(
            "the key of the lake's bucket cannot be used", next_step="check its two variables"
        ) from None


@contextmanager
def told() -> Iterator[None]:
    """Raise what a lake refused as an error of ours, without the statement."""
    try:
        yield
    except duckdb.Error as error:
        raise StateError(
            f"the lake did not take it ({type(error).__name__}: {str(error).splitlines()[0]})",
            next_step="run again; what was there is unchanged",
        ) from None
