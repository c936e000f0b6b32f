"""Counting what was built.

Belongs here: the rows, companies and overlaps of the built files, as ``counts.json`` and as the
table of ``README.md``. Does not belong here: any choice.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from opendata.files import json_bytes, write_bytes

START, END = "<!-- counts: written by the build -->", "<!-- /counts -->"


def text_of(content: bytes) -> str:
    """Return the text of a file, unpacked if it is a zip."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(archive.namelist()[0]).decode()
    return content.decode()


def rows(path: str, content: bytes) -> int:
    """Return how many records a file holds."""
    text = text_of(content)
    if path.endswith(".jsonl"):
        return text.count("\n")
    return sum(1 for _ in csv.reader(io.StringIO(text))) - 1


def column(content: bytes, name: str, delimiter: str = ",", length: int | None = None) -> set[str]:
    """Return the distinct values of a column, cut to ``length``."""
    reader = csv.DictReader(io.StringIO(text_of(content)), delimiter=delimiter)
    return {row[name][:length] for row in reader if row[name]}


def _sirens(files: Mapping[str, bytes]) -> dict[str, set[str]]:
    """Return the companies of each source, taken from the built files."""
    notices = [
        json.loads(line)
        for path, content in sorted(files.items())
        if path.startswith("bodacc/")
        for line in content.decode().splitlines()
    ]
    units = [
        content for path, content in files.items() if path.endswith("stockunitelegale-csv.zip")
    ]
    return {
        "sirene": set().union(*(column(content, "siren") for content in units)),
        "bodacc": {form for one in notices for form in one["registre"] or [] if " " not in form},
        "decp": column(files["decp/2025-01-06/decp.csv"], "titulaire_id", length=9),
        "egapro": column(files["egapro/2021-03-01/index-egalite-fh.csv"], "SIREN", ";"),
        "leads": column(files["expected/leads_truth.csv"], "true_siren"),
    }


def counts(files: Mapping[str, bytes], reasons: Mapping[str, int]) -> bytes:
    """Return rows per file, companies per source, overlaps and reasons, as JSON."""
    sirens = _sirens(files)
    names = sorted(sirens)
    return json_bytes(
        {
            "rows": {path: rows(path, content) for path, content in sorted(files.items())},
            "bytes": {path: len(content) for path, content in sorted(files.items())},
            "companies": {name: len(sirens[name]) for name in names},
            "overlaps": {
                f"{one} and {other}": len(sirens[one] & sirens[other])
                for place, one in enumerate(names)
                for other in names[place + 1 :]
            },
            "sirene_reasons": dict(reasons),
        }
    )


def fill_in(readme: Path, files: Mapping[str, bytes]) -> None:
    """Replace the table of counts in ``readme``."""
    found = json.loads(files["counts.json"])
    lines = ["| file | rows | bytes |", "|---|---:|---:|"]
    lines += [
        f"| `{path}` | {found['rows'][path]} | {found['bytes'][path]} |" for path in found["rows"]
    ]
    lines += ["", "| companies (distinct SIREN) | |", "|---|---:|"]
    lines += [f"| {name} | {count} |" for name, count in found["companies"].items()]
    lines += [f"| {name} | {count} |" for name, count in found["overlaps"].items()]
    text = readme.read_text("utf-8")
    before, rest = text.split(START)
    after = rest.split(END)[1]
    table = "\n".join(lines)
    write_bytes(readme, f"{before}{START}\n{table}\n{END}{after}".encode(), point="sample")
