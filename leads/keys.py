"""The keys: one encrypts the leads, one hashes and signs the record of suppressions.

Belongs here: making, finding and checking a key. Does not belong here: using it (``store``,
``privacy``). A key is 32 random bytes written as 64 hexadecimal digits; it is never logged
and appears in no error.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from opendata.errors import SettingsError

#: Environment variable that carries the key; it wins over the file.
VARIABLE = "SIGNALS_LEAD_KEY"
#: The same for the key of the record of suppressions.
RECORD_VARIABLE = "SIGNALS_RECORD_KEY"
#: Their files under the data folder.
LEAD_FILE, RECORD_FILE = "lead.key", "record.key"
KEY_BYTES = 32


def generate(path: Path) -> str:
    """Write a new key to ``path``, readable by its owner only, and return it.

    Raises:
        SettingsError: there is a key already; replacing it would lose the leads.
    """
    key = secrets.token_hex(KEY_BYTES)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Exclusive creation: of two processes that start together one makes the key.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SettingsError(
            "there is a key already, and something may depend on it",
            next_step="use it, or remove it together with the leads or the record it is for",
            file=path.name,
        ) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{key}\n")
        stream.flush()
        os.fsync(stream.fileno())
    return key


def read(path: Path) -> str:
    """Return the key in ``path``.

    Raises:
        SettingsError: there is none, others may read it, or it is no key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no key to the {'record' if path.name == RECORD_FILE else 'leads'}",
            next_step=f"set {VARIABLE} or {RECORD_VARIABLE}, or let the first run make the file",
            file=path.name,
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the key cannot be read ({type(error).__name__})",
            next_step="check the file and its owner",
            file=path.name,
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            f"others than its owner may use the key (mode {stat.S_IMODE(mode):04o})",
            next_step="run `chmod 600` on it, and renew it if it may have been read",
            file=path.name,
        )
    return _checked(text, path.name)


def load(path: Path, environment: Mapping[str, str], *, variable: str = VARIABLE) -> str:
    """Return the key of the environment, else of ``path``, which is made if absent."""
    given = environment.get(variable)
    if given is not None:
        return _checked(given, variable)
    return read(path) if path.exists() else generate(path)


def _checked(text: str, source: str) -> str:
    key = text.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", key):
        raise SettingsError(
            f"the key is not {2 * KEY_BYTES} hexadecimal digits",
            next_step="make one with `openssl rand -hex 32`",
            file=source,
        )
    return key
