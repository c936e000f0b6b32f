"""The data dictionary: every table that analysts query and every table of the feed.

Belongs here: the pages of ``docs/dictionary/``, read back from a warehouse without rows, so that
names and types are those DuckDB gives. Does not belong here: what a column means (``dataset.yml``,
the models of the feed), writing the pages (``generated.py``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from assets import analysts, contradictions, discovery, feed, insolvency
from opendata import classes as of_data
from opendata import overlay, parquet
from opendata.assembly import Content, assemble, overlaid
from opendata.attribution import markdown_table
from opendata.catalogue import Dataset
from opendata.typing_rules import DTYPES
from opendata.warehouse import Warehouse, identifier
from signals import classes as of_signals
from signals.contract import Row, SignalRow, optional, polars_type
from signals.disagreement import rules
from signals.disagreement import schema as contradictions_schema
from signals.feed.companions import COMPANIONS
from signals.insolvency import SCHEMA as INSOLVENCY_SCHEMA
from sirene.nomenclatures.tables import INSEE, code_tables
from sirene.views import VIEWS

#: Page → title and what is on it.
PAGES = {
    "register": ("The register", "Sirene: units, establishments, their history and changes."),
    "events": ("Notices, contracts, labels", "What the other publishers say of companies."),
    "signals": ("Signals and sources", "What was concluded, from what, and how fresh it is."),
    "codes": ("Code tables", "What the codes mean, in French and English."),
    "feed": ("The feed", "Tables that the platform fetches: files, not in the warehouse."),
}
_EVER = datetime(1970, 1, 1)  # noqa: DTZ001 - instants of the tables are without a zone
_NOT_LISTED = "only with `SIGNALS_WAREHOUSE_PERSONAL`"


def dictionary_pages() -> dict[str, str]:
    """Return the pages: path relative to the root → content."""
    described = _warehouse()
    parts: dict[str, list[str]] = {page: [] for page in PAGES}
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "warehouse.duckdb"
        assemble(_without_rows(described, Path(folder)), database)
        with Warehouse.read_only(database) as opened:
            for name, content in described.items():
                parts[_page_of(name)] += _section(opened, name, content)
    parts["feed"] += _feed_sections()
    files = {
        f"docs/dictionary/{page}.md": "\n".join(
            [f"# {PAGES[page][0]}", "", PAGES[page][1], "", *lines]
        ).rstrip()
        + "\n"
        for page, lines in parts.items()
    }
    return {**files, "docs/dictionary/README.md": _index(described)}


def _warehouse() -> dict[str, Content]:
    """Return every table and view that a warehouse can have, without files."""
    found: dict[str, Content] = {}
    for table, dataset in discovery.owners().items():
        about = dataset.tables[table]
        columns = {c.name: f"{c.en} / {c.fr}" for c in dataset.described_columns(table)}
        comment = f"{about.title_en} / {about.title_fr}."
        hidden = feed.of_persons(dataset, table)
        found[table] = Content((), about.key, comment, columns, without=hidden)
    for base, declared in discovery.overlays().items():
        for table, over in overlay.pairs(base, declared).items():
            treated = declared.overlays.treated if declared.overlays else ""
            query = overlaid(table, over, found[table].key, treated, _EVER)
            comment = f"As of the last day asked / Au dernier jour demandé. {found[table].comment}"
            view = f"{base}_now__{overlay.entity(table)}"
            found[view] = replace(found[table], comment=comment, query=query)
    found |= contradictions.described(Path())
    found |= insolvency.described(Path())
    for name, codes in code_tables().items():
        found[name] = Content((), codes.key, f"{codes.title}.", codes.columns)
    for name, extra in analysts.EXTRAS.items():
        found[name] = Content((), extra.key, extra.comment, extra.columns)
    return {**found, **feed.register_views(found)}


def _schemas() -> dict[str, Mapping[str, pl.DataType]]:
    found: dict[str, Mapping[str, pl.DataType]] = {
        table: {c.name: DTYPES[c.type] for c in dataset.described_columns(table)}
        for table, dataset in discovery.owners().items()
    }
    found |= {name: codes.rows.schema for name, codes in code_tables().items()}
    found |= {name: extra.schema for name, extra in analysts.EXTRAS.items()}
    found[contradictions.TABLE] = contradictions_schema()
    found[insolvency.TABLE] = INSOLVENCY_SCHEMA
    return found


def _without_rows(described: Mapping[str, Content], folder: Path) -> dict[str, Content]:
    """Return the contents over files that have their columns and no row."""
    schemas, made = _schemas(), {}
    for name, content in described.items():
        if content.query:
            made[name] = content
            continue
        path = folder / f"{name}.parquet"
        parquet.sink(pl.LazyFrame(schema=schemas[name]), path)
        made[name] = replace(content, paths=(path,), without=())
    return made


def _page_of(name: str) -> str:
    if name.startswith("nomenclature__"):
        return "codes"
    if name.startswith("sirene"):
        return "register"
    return "events" if name in discovery.owners() else "signals"


def _section(opened: Warehouse, name: str, content: Content) -> list[str]:
    asked = f"{identifier(name)}(NULL)" if content.parameters else identifier(name)
    types = {str(row[0]): str(row[1]) for row in opened.rows(f"DESCRIBE FROM {asked}")}
    classes = _classes(name)
    rows = [
        [
            f"`{column}`",
            f"`{_short(kind)}`",
            classes.get(column, "none") + (f", {_NOT_LISTED}" if column in content.without else ""),
            _escaped(content.columns.get(column, "")),
        ]
        for column, kind in types.items()
    ]
    return [
        f"## {_title(name, content)}",
        "",
        content.comment,
        "",
        *_facts(name, content),
        "",
        *markdown_table(["column", "type", "class", "meaning"], rows),
        "",
    ]


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;")


def _title(name: str, content: Content) -> str:
    return f"{name}({', '.join(content.parameters)})" if content.parameters else name


def _short(kind: str) -> str:
    """Return a type as a reader wants it: a structure within a list by its name alone."""
    return "STRUCT[]" if kind.startswith("STRUCT") and kind.endswith("[]") else kind


def _facts(name: str, content: Content) -> list[str]:
    """Return the key and whose data it is."""
    key = ", ".join(f"`{column}`" for column in content.key)
    lines = ["A view."] if content.query and not content.parameters else []
    if content.parameters:
        lines.append(f"Ask it with a value: `FROM {name}(DATE '2024-12-31')`.")
    if key:
        lines.append(f"Key: {key}.")
    owners = discovery.owners()
    if name in owners:
        lines.append(_source(owners[name]))
    elif name.startswith("sirene"):
        lines.append(_source(discovery.catalogue()["sirene"]))
    elif name.startswith("nomenclature__"):
        lines.append(INSEE)
    else:
        lines.append("Sources and licences: those of the rows, by `source_id` and `sources`.")
    return [" ".join(lines)]


def _source(dataset: Dataset) -> str:
    page = f"[{dataset.name}](../datasets/{dataset.name}.md)"
    return f"Source: {page}, {dataset.publisher.long_name}; {dataset.licence.title}."


def _classes(name: str) -> Mapping[str, str]:
    """Return column → data class of a table or view of the warehouse."""
    owners = discovery.owners()
    if name in owners:
        return {c.name: c.personal for c in owners[name].described_columns(name)}
    if name == "signals":
        return of_signals.CLASSES
    if name == contradictions.TABLE:
        return {column.name: column.personal for column in rules().columns}
    if name.startswith(insolvency.TABLE):
        judgments = discovery.catalogue()["bodacc"].described_columns(insolvency.JUDGMENTS)
        return {c.name: c.personal for c in judgments}
    if name in VIEWS:
        return {k: v for table in VIEWS[name].needs for k, v in _classes(table).items()}
    if "_now__" in name:
        return _classes(name.replace("_now__", "__"))
    return dict(of_data.CLASSES.get(name, {}))


def _feed_sections() -> list[str]:
    lines: list[str] = []
    tables: dict[str, tuple[type[Row], tuple[str, ...]]] = {
        "signals": (SignalRow, ("source", "id")),
        **COMPANIONS,
    }
    for name, (model, key) in tables.items():
        rows = [
            [
                f"`{column}`",
                f"`{str(polars_type(field.annotation)).partition('(')[0]}`",
                "yes" if optional(field) else "no",
                _escaped(field.description or ""),
            ]
            for column, field in model.model_fields.items()
        ]
        text = (model.__doc__ or "").splitlines()[0]
        about = f"{text} Key: {', '.join(f'`{one}`' for one in key)}."
        header = ["column", "type", "null", "meaning"]
        lines += [f"## {name}.parquet", "", about, "", *markdown_table(header, rows), ""]
    return lines


def _index(described: Mapping[str, Content]) -> str:
    lines = [
        "# Data dictionary",
        "",
        "Every table and view of `warehouse.duckdb`, and every file of the feed. The same texts "
        "are comments in the database (`duckdb_tables()`, `duckdb_views()`, `duckdb_columns()`). "
        "A table is there once its dataset was loaded.",
        "",
        "A **class** says whom a value describes: `company` a unit of the register, `sole_trader` "
        "a natural person if the unit is one, `contact` somebody's contact data, `none` nobody. "
        f"Columns marked “{_NOT_LISTED}” are otherwise left out of the warehouse.",
        "",
    ]
    for page, (title, text) in PAGES.items():
        lines += [f"## [{title}]({page}.md)", "", text, ""]
        names = [name for name in described if _page_of(name) == page]
        names += ["signals", *COMPANIONS] if page == "feed" else []
        lines += [_listed(page, names, described), ""]
    return "\n".join(lines).rstrip() + "\n"


def _listed(page: str, names: Iterable[str], described: Mapping[str, Content]) -> str:
    if page == "feed":
        return ", ".join(f"`{name}.parquet`" for name in names) + "."
    rows = [[f"`{_title(name, described[name])}`", described[name].comment] for name in names]
    return "\n".join(markdown_table(["table", "what it shows"], rows))
