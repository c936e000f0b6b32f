"""The keys: one encrypts the leads, one hashes and signs the record of suppressions.

Belongs here: making, finding and checking a key. Does not belong here: using it (``store``,
``privacy``), renewing it (``rotation``, ``privacy.renewal``). A key is 32 random bytes written as
64 hexadecimal digits; it is never logged and appears in no error. The key of the record may have
several parts: each renewal adds one behind a comma or on a line of its own, and all are needed.

It comes from the environment, from a command whose output it is (that of a key service), or
from a file of its owner's; in this order.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from opendata.errors import SettingsError

#: Environment variable that carries the key; it wins over the file.
VARIABLE = "SIGNALS_LEAD_KEY"
#: The same for the key of the record of suppressions.
RECORD_VARIABLE = "SIGNALS_RECORD_KEY"
#: What a rotation takes where the key in use is no file.
NEW_VARIABLE = "SIGNALS_NEW_LEAD_KEY"
#: Variable → the one that holds the command to ask instead.
COMMANDS = {
    VARIABLE: "SIGNALS_KEY_COMMAND",
    RECORD_VARIABLE: "SIGNALS_RECORD_KEY_COMMAND",
    NEW_VARIABLE: "SIGNALS_NEW_KEY_COMMAND",
}
#: Accounts whose exports are encrypted, their keys as JSON, and the command that gives one.
SEALED = "SIGNALS_SEALED_ACCOUNTS"
EXPORT_KEYS = "SIGNALS_EXPORT_KEYS"
EXPORT_COMMAND = "SIGNALS_EXPORT_KEY_COMMAND"
#: With ``1`` no key may lie in a file beside what it opens, and none is made there.
REQUIRED = "SIGNALS_KEY_REQUIRED"
#: Seconds that a command may take.
PATIENCE = 30
#: Their files under the data folder.
LEAD_FILE, RECORD_FILE = "lead.key", "record.key"
KEY_BYTES = 32


def fresh() -> str:
    """Return a new random key."""
    return secrets.token_hex(KEY_BYTES)


def generate(path: Path) -> str:
    """Write a new key to ``path``, readable by its owner only, and return it.

    Raises:
        SettingsError: there is a key already; replacing it would lose the leads.
    """
    key = fresh()
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
    return _checked(text, path.name, parts=path.name == RECORD_FILE)


def load(
    path: Path, environment: Mapping[str, str], *, variable: str = VARIABLE, make: bool = True
) -> str:
    """Return the key of the environment or of its command, else of ``path``.

    Args:
        path: the file; with ``make`` it is made if absent.
        environment: variables, as of ``os.environ``.
        variable: the one that carries the key.
        make: whether a new key may take the place of none.

    Raises:
        SettingsError: a key is required from outside and none is given, or it is no key.
    """
    key = given(environment, variable)
    if key is not None:
        return key
    if environment.get(REQUIRED, "") not in ("", "0"):
        raise SettingsError(
            f"{REQUIRED} wants a key from outside the data folder, and there is none",
            next_step=f"set {variable} or {COMMANDS[variable]}",
        )
    return read(path) if path.exists() or not make else generate(path)


def given(environment: Mapping[str, str], variable: str) -> str | None:
    """Return the key that the environment holds or names a command for; ``None`` if neither."""
    text, source, parts = environment.get(variable), variable, variable == RECORD_VARIABLE
    if text is None and (command := environment.get(COMMANDS[variable])):
        source = COMMANDS[variable]
        text = _answer(command, source)
    return None if text is None else _checked(text, source, parts=parts)


def parts_of(key: str) -> tuple[bytes, ...]:
    """Return the parts of a key of the record, oldest first."""
    return tuple(bytes.fromhex(part) for part in key.split(","))


def with_part(key: str, part: str) -> str:
    """Return a key of the record with a part more."""
    return f"{key},{part}"


def sealed_accounts(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the accounts whose exports are encrypted: :data:`SEALED`, separated by commas."""
    names = (name.strip() for name in environment.get(SEALED, "").split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def export_key(folder: Path, account: str, name: str, environment: Mapping[str, str]) -> str:
    """Return the key of the exports of one account.

    Args:
        folder: ``data/keys/exports``; a key is made there if none is given from outside.
        account: the account's id, the last argument of the command.
        name: a name for its file that names nobody.
        environment: variables, as of ``os.environ``.

    Raises:
        SettingsError: a key is required from outside and none is given, or it is no key.
    """
    if text := environment.get(EXPORT_KEYS):
        try:
            given_keys = json.loads(text)
            found = given_keys.get(account)
        except (ValueError, AttributeError):
            raise SettingsError(
                f"{EXPORT_KEYS} is no JSON object of accounts and keys",
                next_step='write it like {"acme": "64 hexadecimal digits"}',
            ) from None
        if found is not None:
            return _checked(str(found), EXPORT_KEYS)
    if command := environment.get(EXPORT_COMMAND):
        return _checked(
            _answer(f"{command} {shlex.quote(account)}", EXPORT_COMMAND), EXPORT_COMMAND
        )
    if environment.get(REQUIRED, "") not in ("", "0"):
        raise SettingsError(
            f"{REQUIRED} wants a key from outside the data folder for every encrypted export",
            next_step=f"set {EXPORT_KEYS} or {EXPORT_COMMAND}",
        )
    path = folder / f"{name}.key"
    return read(path) if path.exists() else generate(path)


def is_given(environment: Mapping[str, str], variable: str = VARIABLE) -> str | None:
    """Return the variable by which a key is given from outside; nothing is asked."""
    return next((one for one in (variable, COMMANDS[variable]) if environment.get(one)), None)


def fingerprint(key: str) -> str:
    """Return what tells two keys apart and helps nobody to find one."""
    whole = b"".join(parts_of(key))
    return hashlib.sha256(b"fingerprint of a key\0" + whole).hexdigest()[:16]


def _answer(command: str, variable: str) -> str:
    """Run ``command``, without a shell; what it prints is shown to nobody."""
    failed = ""
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            shlex.split(command), capture_output=True, timeout=PATIENCE, check=False, text=True
        )
        failed = f"ended with code {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        failed = f"gave no answer in {PATIENCE} s"
    except (OSError, ValueError) as error:
        failed = f"could not be run ({type(error).__name__})"
    if failed:
        # Neither the command nor its output is repeated: both may hold a secret.
        raise SettingsError(
            f"the command that gives the key {failed}",
            next_step=f"run the command of {variable} by hand",
        )
    return done.stdout


def _checked(text: str, source: str, *, parts: bool = False) -> str:
    """Return the key in ``text``; of one that may have ``parts``, all of them."""
    key = text.strip().lower()
    found = re.split(r"[\s,]+", key) if parts else [key]
    if not all(re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", one) for one in found):
        raise SettingsError(
            f"the key is not {2 * KEY_BYTES} hexadecimal digits",
            next_step="make one with `openssl rand -hex 32`",
            file=source,
        )
    if len(set(found)) < len(found):
        raise SettingsError(
            "a part of the key stands there twice",
            next_step="make another part with `openssl rand -hex 32`",
            file=source,
        )
    return ",".join(found)
