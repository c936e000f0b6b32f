"""Descriptions and notes: YAML of datasets, mirrors, profiles, weights; our own state on the disk.

Belongs here: files that an operator writes and files that a run left. Does not belong here: what
publishers send.
"""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fuzzing import Mutant, Target, require
from hypothesis import strategies as st

from opendata import catalogue, folder_format, ledger, mirrors, receipt, state, yaml_text
from opendata.errors import OpenDataError, SettingsError, StateError
from pipelines import settings as settings_module
from signals import log, profile, weights
from signals.feed import manifest

ROOT = Path(__file__).parents[2]
_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%s: &%s [%s]\n" % (new, new, b",".join([b"*" + old] * 9))
    for old, new in zip([b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"],
                        [b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i"], strict=True)
)  # fmt: skip
_MAPS = b"accounts:\n a: &a {x: 1, y: 2}\n" + b"".join(
    b" %s: &%s {x: *%s, y: *%s, z: *%s}\n" % (new, new, old, old, old)
    for old, new in zip([b"a%d" % n if n else b"a" for n in range(40)],
                        [b"a%d" % n for n in range(1, 41)], strict=True)
)  # fmt: skip
_ODD = [b"", b"1", b"[]", b"a: [", b"{", b"- - - -", b"\x00", b"\xff\xfe", b"a: 2024-99-99", b"? [a]",
        b"!!python/object/apply:os.system ['touch pwned']", b"a: !!python/name:os.system x",
        b"a: &a [*a]", b"<<: *x", b"a: 0x_", b"a: 1:99:99", b"- " * 5000, b"[" * 3000, b"{a: " * 3000,
        b"a: !!timestamp 9999-99-99T99:99:99Z", b"%YAML 9.9\n---\na: 1", b"a: !!binary =",
        b"a: !!int x", b"a: !!float x", b"? {a: b}\n: c", b"a: !x y", b"a: &a {b: *a}", _MAPS]  # fmt: skip
_TOKENS = [b"&a ", b"*a", b"!!int ", b"!!binary ", b"<<: ", b"? ", b"- ", b"{", b"[", b"|\n", b"\t",
           b"2024-99-99", b"0o9", b"~", b"'", b'"', b"%", b"@"]  # fmt: skip


def _described(folder: str, *changes: tuple[str, str]) -> bytes:
    text = (ROOT / "assets" / folder / "dataset.yml").read_text(encoding="utf-8")
    for old, new in changes:
        text = text.replace(old, new, 1)
    return text.encode()


def _dataset(data: bytes, box: Path) -> None:
    path = box / "essai" / "dataset.yml"
    path.parent.mkdir()
    path.write_bytes(data)
    found = catalogue.load_catalogue(box)
    require(list(found) == ["essai"], "a description under another name")


_RATIOS = _described("ratios", ("name: ratios", "name: essai"))
_BEGES = _described("beges", ("name: beges", "name: essai"))
dataset = Target(
    "dataset.yml",
    _dataset,
    seeds=[_RATIOS, _BEGES],
    attacks=[*_ODD, _BOMB, _RATIOS + b"\nextra: 1\n", _RATIOS.replace(b"name: essai", b"name: ../x"),
             re.sub(rb"pattern: *(['\"]).*?\1", b"pattern: '('", _BEGES), _RATIOS + b"\n  a:\n\tb",
             _RATIOS.replace(b"type: code", b"type: {a: b}")],
    tokens=[*_TOKENS, b"pattern: '('", b"resources:", b"columns:", b"like: a.b", b"id: ''"],
    mutants=[
        Mutant(catalogue, "    except NOT_YAML as error:", "    except KeyError as error:",
               "no YAML is not expected"),
        Mutant(catalogue, "        except (re.error, OverflowError) as error:",
               "        except KeyError as error:", "patterns that are none"),
        Mutant(catalogue, "    if dataset.name != path.parent.name:", "    if False:",
               "any name in any folder"),
    ],
    pace=0.5,
)  # fmt: skip


def _mirror(data: bytes, box: Path) -> None:
    folder = box / "decp"
    (folder / "mirrors").mkdir(parents=True)
    (folder / "dataset.yml").write_bytes(_DECP)
    (folder / "mirrors" / "officiel.yml").write_bytes(data)
    found = mirrors.load_mirror(folder, "officiel")
    require(found.name == "decp", "another dataset")


_DECP = (ROOT / "assets/decp/dataset.yml").read_bytes()
mirror = Target(
    "mirrors of a dataset",
    _mirror,
    seeds=[(ROOT / "assets/decp/mirrors/officiel.yml").read_bytes()],
    attacks=[*_ODD, b"name: other", b"1: 2", b"tables: []", b"resources: {}"],
    tokens=_TOKENS,
    mutants=[
        Mutant(mirrors, "    except NOT_YAML as error:", "    except KeyError as error:",
               "no YAML is not expected"),
        Mutant(mirrors, "    if not isinstance(own, dict) or", "    if False and", "no mapping"),
    ],
    pace=0.3,
)  # fmt: skip


def _profiles(data: bytes, box: Path) -> None:
    path = box / "profiles.yml"
    path.write_bytes(data)
    try:
        profile.load_profiles(path)
    except SettingsError as error:
        require(
            (error.file == path.name and "line" in error.what) or "read" in error.what, "where?"
        )
        raise


profiles = Target(
    "profiles",
    _profiles,
    seeds=[(ROOT / "data/sample/profiles.yml").read_bytes(),
           b"accounts:\n  acme:\n    include: {departements: ['75']}\n    per_day: 3\n"],
    attacks=[*_ODD, _BOMB, b"accounts:\n  a: {per_day: -1}", b"accounts:\n  1: {}",
             b"accounts: {a: {include: {naf_rev2: [01]}}}", b"accounts: {? [a] : {}}",
             b"accounts: {? {a: b} : {}, ? {a: b} : {}}", b"accounts: {a: {b: 1, b: 2}}"],
    tokens=[*_TOKENS, b"include: ", b"naf_rev2: ", b"weight: .nan", b"per_day: 1e9"],
    mutants=[
        Mutant(profile, "    except NOT_YAML as error:", "    except KeyError as error:",
               "no YAML is not expected"),
        Mutant(yaml_text, "        if counts[-1] > VALUES:", "        if False:", "aliases"),
    ],
    pace=0.6,
)  # fmt: skip


def _weights(data: bytes, box: Path) -> None:
    path = box / "weights.yml"
    path.write_bytes(data)
    weights.load_weights(path)


weights_ = Target(
    "weights",
    _weights,
    seeds=[weights.PATH.read_bytes()],
    attacks=_ODD,
    tokens=[*_TOKENS, b"diminishing: 2", b".nan", b".inf"],
    mutants=[
        Mutant(weights, "    except NOT_YAML as error:", "    except KeyError as error:",
               "no YAML is not expected"),
    ],
    pace=0.3,
)  # fmt: skip


# ------------------------------------------------------------------ what a run left

_AT = datetime(2024, 1, 2, tzinfo=UTC)


def _ledger_bytes() -> tuple[bytes, bytes]:
    """Return a record of three entries, and the note beside it."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        book = ledger.Ledger(Path(folder) / "l.jsonl", b"k" * 32)
        for number in range(3):
            book.append("request", {"n": number}, _AT)
        return book.path.read_bytes(), book.path.with_suffix(".head.json").read_bytes()


def _ledger(data: bytes, box: Path) -> None:
    path = box / "l.jsonl"
    path.write_bytes(data)
    (box / "l.head.json").write_bytes(_HEAD)
    entries = ledger.Ledger(path, b"k" * 32).entries()
    require([one.facts["n"] for one in entries] == [0, 1, 2], "an entry that nobody wrote")


_LEDGER, _HEAD = _ledger_bytes()
record = Target(
    "record of suppressions",
    _ledger,
    seeds=[_LEDGER],
    attacks=[b"", b"\n", _LEDGER[:-1], _LEDGER * 2, b"[" * 9000 + b"\n", b"1\n", b"{}\n",
             b"".join(_LEDGER.splitlines(keepends=True)[:2]), _LEDGER.replace(b'"n": 1', b'"n": 9'),
             b"".join(_LEDGER.splitlines(keepends=True)[1:])],
    tokens=[b"\n", b'"number": 4', b'"hash": ""'],
    mutants=[
        Mutant(ledger, "if (entry.number, entry.previous, entry.hash) != right:", "if False:",
               "the chain is not checked"),
        Mutant(ledger, "        if not note.entries <= number <= note.entries + 1 or known != "
               "note.hash:", "        if False:", "its length is not checked"),
        Mutant(ledger, "        except (ValueError, KeyError, TypeError, RecursionError) as error:\n"
               "            raise self._broken(f\"line", "        except KeyError as error:\n"
               "            raise self._broken(f\"line", "a broken line is not expected"),
    ],
)  # fmt: skip


def _state(data: bytes, box: Path) -> None:
    """Every note of a data folder with the same bytes; the first that refuses them is heard."""
    readers: list[tuple[str, Callable[[], Any]]] = [
        ("r.receipt.json", lambda: receipt.load_receipt(box / "r.receipt.json")),
        ("format.json", lambda: folder_format.found(box)),
        ("state/d.json", lambda: state.StateFolder(box).state("d")),
        ("manifest.json", lambda: manifest.read(box)),
        ("log.json", lambda: log.SignalLog(box).state()),
    ]
    refused: OpenDataError | None = None
    for name, read in readers:
        path = box / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        try:
            read()
        except StateError as error:
            require(error.what and error.next_step, "no next step")
            refused = error
    if refused is not None:
        raise refused


_json = st.recursive(
    st.sampled_from([None, True, 0, -1, 10**30, "", "a", 1.5, "2024-01-01", "0" * 20, "0" * 64]),
    lambda inner: st.dictionaries(
        st.sampled_from(["format", "segments", "current", "version", "max_sequence", "resources",
                         "path", "previous_version", "dataset", "versions", "file", "sha256",
                         "current_hash", "next_sequence", "cursors", "compacted"]),
        inner, max_size=7) | st.lists(inner, max_size=2),
    max_leaves=16,
)  # fmt: skip


def _dumped(value: object) -> bytes:
    import json

    return json.dumps(value).encode()


notes = Target(
    "notes of a data folder",
    _state,
    seeds=[b'{"format": 1}', b'{"dataset": "d", "versions": [], "current": null}',
           _dumped({"segments": [], "max_sequence": "0" * 20, "version": "v", "previous_version": None,
                    "resources": [{"path": "a"}], "format": 1, "current": None, "current_hash": None,
                    "next_sequence": 1, "cursors": {}})],
    attacks=[b"", b"[]", b"1", b"null", b"[" * 100_000, b'{"format": []}', b'{"format": 1e999}',
             b"\xff", b'{"segments": 5, "max_sequence": 1}', b'{"resources": [1], "segments": []}',
             b'{"segments": [1], "format": 1}', b'{"format": "1"}', b'{"format": NaN}'],
    shapes=_json.map(_dumped),
    mutants=[
        Mutant(manifest, "    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) "
               "as error:", "    except KeyError as error:", "a broken manifest is not expected"),
        Mutant(folder_format, "    except (ValueError, KeyError, TypeError, OverflowError, "
               "RecursionError) as error:", "    except KeyError as error:", "broken number"),
        Mutant(receipt, "    except (OSError, ValidationError) as error:",
               "    except OSError as error:", "a broken receipt is not expected"),
    ],
)  # fmt: skip


def _settings(data: bytes, _box: Path) -> None:
    text = data.decode("utf-8", errors="replace").replace("\x00", "")
    for name in ("at", "datasets", "base_urls", "memory_limit", "default_account", "export_url"):
        try:
            settings_module.load_settings(**{name: text})
        except SettingsError as error:
            require("SIGNALS_" in str(error) or "setting" in str(error), "it does not say which")


settings_ = Target(
    "settings",
    _settings,
    seeds=[b"2024-01-31", b"bodacc, decp", b'{"a": "http://127.0.0.1"}', b"8GB", b"s3://b/p"],
    attacks=[b"", b"99999-01-01", b"1e999", b"[" * 5000, b'{"a": "http://[x"}', b"https://[", b"-1"],
    mutants=[
        Mutant(settings_module, "    except ValidationError as error:", "    except KeyError as error:",
               "values that cannot be used"),
    ],
    pace=0.3,
)  # fmt: skip

TARGETS = (dataset, mirror, profiles, weights_, record, notes, settings_)
