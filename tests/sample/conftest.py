"""The bundled files, unpacked."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
Row = dict[str, str]


def text_of(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (name,) = archive.namelist()
            content = archive.read(name)
    return content.decode("utf-8")


def bundled(folder: Path) -> list[Path]:
    """Return the files of the sample without what tools leave behind (caches)."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(
            part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts
        )
    ]


@pytest.fixture(scope="session")
def sizes() -> dict[str, int]:
    """Path below the sample → bytes of every file."""
    return {path.relative_to(SAMPLE).as_posix(): path.stat().st_size for path in bundled(SAMPLE)}


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Path below the sample → text of every file, zips unpacked."""
    return {path.relative_to(SAMPLE).as_posix(): text_of(path) for path in bundled(SAMPLE)}


@pytest.fixture(scope="session")
def table(texts: dict[str, str]) -> Callable[[str], list[Row]]:
    """Path of a CSV → its rows."""

    def read(path: str) -> list[Row]:
        delimiter = ";" if path.startswith(("egapro/", "sitadel/")) else ","
        return list(csv.DictReader(io.StringIO(texts[path]), delimiter=delimiter))

    return read


@pytest.fixture(scope="session")
def notices(texts: dict[str, str]) -> list[dict[str, Any]]:
    """Every BODACC notice, its JSON blocks decoded."""
    return list(_notices(texts))


def _notices(texts: dict[str, str]) -> Iterator[dict[str, Any]]:
    for path in sorted(texts):
        if path.startswith("bodacc/"):
            for line in texts[path].splitlines():
                notice = json.loads(line)
                for field, value in notice.items():
                    if isinstance(value, str) and value.startswith("{"):
                        notice[field] = json.loads(value)
                yield notice
