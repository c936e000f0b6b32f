"""The page "Consume the feed", whose column tables come from the contract.

Belongs here: filling the text of ``page.md`` with what the code knows. Does not belong
here: where the page is written, the contract itself (:mod:`signals.contract`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from signals.contract import SCHEMA_VERSION, Evidence, optional, polars_type
from signals.feed.manifest import table_schema

PATH = Path(__file__).with_name("page.md")


def feed_page() -> str:
    """Return the whole of ``docs/feed.md``."""
    filled = {
        "{schema_version}": SCHEMA_VERSION,
        "{columns}": columns_table(table_schema()["fields"]),
        "{evidence}": evidence_table(),
    }
    page = PATH.read_text(encoding="utf-8")
    for mark, text in filled.items():
        page = page.replace(mark, text)
    return page


def columns_table(fields: Iterable[Mapping[str, Any]]) -> str:
    """Return the fields of a Table Schema as a Markdown table."""
    lines = ["| column | type | null | meaning |", "|---|---|---|---|"]
    for field in fields:
        constraints = field["constraints"]
        null = "no" if constraints["required"] else "yes"
        values = ", ".join(f"`{value}`" for value in constraints.get("enum", ()))
        meaning = f"{field['description']}: {values}" if values else field["description"]
        lines.append(f"| `{field['name']}` | {field['type']} | {null} | {_cell(meaning)} |")
    return "\n".join(lines)


def evidence_table() -> str:
    """Return the fields of an entry of ``evidence`` as a Markdown table."""
    lines = ["| field | type | null | meaning |", "|---|---|---|---|"]
    for name, field in Evidence.model_fields.items():
        kind = str(polars_type(field.annotation)).lower()
        null = "yes" if optional(field) else "no"
        lines.append(f"| `{name}` | {kind} | {null} | {_cell(field.description or '')} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
