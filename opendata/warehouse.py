"""The one place where DuckDB is opened.

Belongs here: connections (memory and threads bounded, spill encrypted), encrypted
databases, safe quoting. Does not belong here: what the tables mean, and the file that
analysts query (``assembly.py``).

Encryption is AES-256-GCM by the httpfs extension. DuckDB carries another library that
could write too, but calls it not secure itself: it is never switched on, and a database
is never written plain because the extension is missing.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import duckdb
import polars as pl

from opendata.errors import SettingsError, StateError

MEMORY_LIMIT = "1GB"
#: Name under which DuckDB keeps the key of encrypted Parquet.
_SEAL = "seal"
#: Loading the extension takes longer than most of what is then asked: it is loaded once a
#: process and setting, and each encrypted file is attached to that instance while it is open.
_instances: dict[tuple[int, str, str, int], duckdb.DuckDBPyConnection] = {}
_turn = itertools.count(1)


def identifier(name: str) -> str:
    """Quote ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Quote ``text`` as an SQL string; for what cannot be a bound parameter."""
    return "'" + str(text).replace("'", "''") + "'"


class Warehouse:
    """A DuckDB connection with the settings of the project; a context manager.

    Usage:
        ``with Warehouse.open(path) as db: db.execute("create table …")``.
        Use the constructors below; each says what it opens.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, attached: str | None = None) -> None:
        self.connection = connection
        self._attached = attached

    @classmethod
    def in_memory(
        cls, *, temporary: Path | None = None, memory_limit: str = MEMORY_LIMIT, threads: int = 0
    ) -> Self:
        """Open an empty database in memory, for work over Parquet and JSON files."""
        return cls(_connect(":memory:", temporary, memory_limit, threads))

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        temporary: Path | None = None,
        memory_limit: str = MEMORY_LIMIT,
        threads: int = 0,
    ) -> Self:
        """Open a plain database for writing; made if absent. One process at a time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(_connect(str(path), temporary or path.parent / "tmp", memory_limit, threads))

    @classmethod
    def read_only(cls, path: Path, *, memory_limit: str = MEMORY_LIMIT, threads: int = 0) -> Self:
        """Open an existing plain database for reading; any number of processes.

        Raises:
            StateError: there is no such file, or it is not a plain DuckDB database.
        """
        if not path.exists():
            raise StateError(
                "the database does not exist yet",
                next_step="run the pipeline first (`make run`)",
                file=path.name,
            )
        return cls(_connect(str(path), None, memory_limit, threads, read_only=True))

    @classmethod
    def encrypted(
        cls,
        path: Path,
        key: str,
        *,
        read_only: bool = False,
        temporary: Path | None = None,
        memory_limit: str = MEMORY_LIMIT,
        threads: int = 0,
    ) -> Self:
        """Open a database whose file is AES-256-GCM under ``key``; made, mode 0600, if absent.

        Raises:
            SettingsError: no key, a wrong key, or an extension that cannot be loaded.
        """
        if not key:
            raise SettingsError("the key is empty", next_step="give a key", file=path.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        alias = f"encrypted_{next(_turn)}"
        instance = _encrypting(temporary or path.parent / "tmp", memory_limit, threads)
        warehouse = cls(instance.cursor(), alias)
        options = _under(key)
        if read_only:
            options += ", READ_ONLY"
        previous = os.umask(0o077)
        try:
            warehouse.execute(f"ATTACH {literal(path)} AS {alias} ({options})")
            warehouse.execute(f"USE {alias}")
        except duckdb.Error:
            warehouse.connection.close()
            # The statement holds the key: the cause is not chained.
            raise SettingsError(
                "the encrypted database does not open with this key",
                next_step="give the key it was made with (keys/lead.key or the environment)",
                file=path.name,
            ) from None
        finally:
            os.umask(previous)
        return warehouse

    def copy_encrypted(self, target: Path, key: str) -> None:
        """Write all of this encrypted database into a new file under another key, mode 0600."""
        alias = f"copy_{next(_turn)}"
        previous = os.umask(0o077)
        try:
            self.execute(f"ATTACH {literal(target)} AS {alias} ({_under(key)})")
            self.execute(f"COPY FROM DATABASE {self._attached} TO {alias}")
            self.execute(f"DETACH {alias}")
        except duckdb.Error as error:
            # The statement holds the key: the cause is not chained.
            raise StateError(
                f"the database could not be written again ({type(error).__name__})",
                next_step="run again; what was there is unchanged",
                file=target.name,
            ) from None
        finally:
            os.umask(previous)

    @classmethod
    def sealing(cls, key: str, *, temporary: Path) -> Self:
        """Open a database in memory that reads and writes Parquet encrypted under ``key``.

        Args:
            key: 64 hexadecimal digits.
            temporary: folder for spilled data, which is encrypted too.

        Raises:
            SettingsError: the extension that encrypts cannot be loaded.
        """
        warehouse = cls(_connect(":memory:", temporary, MEMORY_LIMIT, 0))
        load_encryption(warehouse.connection)
        secret = base64.b64encode(bytes.fromhex(key)).decode()
        warehouse.execute(f"PRAGMA add_parquet_key('{_SEAL}', '{secret}')")
        return warehouse

    def copy_parquet(
        self,
        source: Path,
        target: Path,
        *,
        opened: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Write a Parquet file again, mode 0600: encrypted under the key given, or opened.

        Raises:
            StateError: the source cannot be read with this key.
        """
        config = f"{{footer_key: '{_SEAL}'}}"
        reading = f", encryption_config = {config}" if opened else ""
        writing = "" if opened else f", ENCRYPTION_CONFIG {config}"
        pairs = ", ".join(f"{identifier(k)}: {literal(v)}" for k, v in (metadata or {}).items())
        told = f", KV_METADATA {{{pairs}}}" if pairs else ""
        previous = os.umask(0o077)
        try:
            self.execute(
                f"COPY (FROM read_parquet({literal(source)}{reading})) TO {literal(target)} "
                f"(FORMAT parquet, COMPRESSION zstd{writing}{told})"
            )
        except duckdb.Error as error:
            raise StateError(
                f"a table could not be encrypted or opened ({type(error).__name__})",
                next_step="check the key; what was there is unchanged",
                file=source.name,
            ) from None
        finally:
            os.umask(previous)

    def seal(self, rows: pl.DataFrame, target: Path) -> None:
        """Write a frame as Parquet encrypted under the key given, mode 0600."""
        self.connection.register("sealed_rows", rows.to_arrow())
        previous = os.umask(0o077)
        try:
            self.execute(
                f"COPY (FROM sealed_rows) TO {literal(target)} (FORMAT parquet, COMPRESSION zstd, "
                f"ENCRYPTION_CONFIG {{footer_key: '{_SEAL}'}})"
            )
        finally:
            os.umask(previous)
            self.connection.unregister("sealed_rows")

    def sealed(self, source: Path) -> pl.DataFrame:
        """Return the frame that :meth:`seal` wrote.

        Raises:
            StateError: it is not there, or does not open with this key.
        """
        try:
            return self.frame(
                f"FROM read_parquet({literal(source)}, "
                f"encryption_config = {{footer_key: '{_SEAL}'}})"
            )
        except duckdb.Error as error:
            raise StateError(
                f"an encrypted table cannot be read ({type(error).__name__})",
                next_step="check the key, then run the step again that wrote it",
                file=source.name,
            ) from None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        """Run ``sql``; values go in ``parameters``, never in the text."""
        return self.connection.execute(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a small result."""
        return self.execute(sql, parameters).fetchall()

    def frame(self, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """Return a result as a frame."""
        # DuckDB 2 gives Arrow from relations only.
        relation = self.connection.sql(sql, params=list(parameters))
        return cast(pl.DataFrame, pl.from_arrow(relation.to_arrow_table()))

    def write(self, table: str, rows: pl.DataFrame) -> None:
        """Replace ``table`` by ``rows`` in one transaction."""
        self.connection.register("incoming_rows", rows.to_arrow())
        try:
            self.execute(f"CREATE OR REPLACE TABLE {identifier(table)} AS FROM incoming_rows")
        finally:
            self.connection.unregister("incoming_rows")

    def close(self) -> None:
        """Close the connection; what was committed is in the file, what was not is gone."""
        if self._attached is not None:
            with contextlib.suppress(duckdb.TransactionException):
                self.connection.rollback()
            self.connection.execute("USE memory")
            self.connection.execute(f"DETACH {self._attached}")
            self._attached = None
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _under(key: str) -> str:
    """Return the options that attach a file under ``key``."""
    # DuckDB reads the key as an escaped blob: written so, any character may stand in it.
    secret = "".join(f"\\x{byte:02X}" for byte in key.encode())
    return f"ENCRYPTION_KEY '{secret}', ENCRYPTION_CIPHER 'GCM'"


def _connect(
    database: str,
    temporary: Path | None,
    memory_limit: str,
    threads: int,
    *,
    read_only: bool = False,
) -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {
        "memory_limit": memory_limit,
        # Nothing is fetched from the network behind our back.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # A name in SQL is a table, never a variable of the Python code around it.
        "python_enable_replacements": False,
    }
    if threads:
        config["threads"] = threads
    if temporary is not None:
        temporary.mkdir(parents=True, exist_ok=True)
        config["temp_directory"] = str(temporary)
    try:
        connection = duckdb.connect(database, read_only=read_only, config=config)
    except duckdb.IOException as error:
        raise StateError(
            f"the database cannot be opened: {str(error).splitlines()[0]}",
            next_step="wait for the other process, or remove the file and run again",
            file=Path(database).name,
        ) from error
    connection.execute("SET temp_file_encryption = true")
    connection.execute("SET enable_progress_bar = false")
    if read_only:
        # The footer of a national table takes longer to read than the rows of one company.
        connection.execute("SET parquet_metadata_cache = true")
    if temporary is not None:
        _let_spill(connection)
    return connection


def _let_spill(connection: duckdb.DuckDBPyConnection) -> None:
    """Load what encrypts the spill; without it there is none, and never a plain one."""
    try:
        load_encryption(connection)
    except SettingsError:
        connection.execute("SET temp_directory = ''")


def _encrypting(temporary: Path, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """Return this process's instance with the extension that encrypts."""
    key = (os.getpid(), str(temporary), memory_limit, threads)
    if key not in _instances:
        instance = _connect(":memory:", temporary, memory_limit, threads)
        # Asked for again, so that its absence is told and not only felt.
        load_encryption(instance)
        _instances[key] = instance
    return _instances[key]


def extension_path(name: str = "httpfs") -> Path | None:
    """Return the extension carried by its Python wheel for this DuckDB, if installed."""
    spec = util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}"
    path = folder / f"{name}.duckdb_extension"
    return path if path.exists() else None


def load_encryption(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extension that encrypts.

    Raises:
        SettingsError: neither DuckDB nor the wheel has it for this version.
    """
    if load_extension(connection, "httpfs"):
        return
    raise SettingsError(
        f"DuckDB {duckdb.__version__} has no extension that encrypts, and leads are never "
        "written plain",
        next_step="install duckdb==1.5.5 and duckdb-extension-httpfs==1.5.5",
    )


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Load an extension from its Python wheel, or as installed; tell whether it is there."""
    path = extension_path(name)
    for source in [name] if path is None else [literal(path), name]:
        try:
            connection.execute(f"LOAD {source}")
        except duckdb.Error:
            continue
        return True
    return False
