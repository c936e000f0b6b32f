"""What a ``dataset.yml`` says, as a model.

Belongs here: the description of datasets as data, and their discovery by folder.
Does not belong here: fetching, reading or checking them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from opendata.errors import SettingsError
from opendata.publishers import Licence, Publisher
from opendata.publishers import Model as Model
from opendata.yaml_text import NOT_YAML, load_plain

#: Data classes of a column, from harmless to protected.
Personal = Literal["none", "company", "sole_trader", "contact"]
Portals = Literal[
    "datagouv", "opendatasoft", "datafair", "dido", "insee", "dila", "inpi", "agencebio", "derived"
]
ColumnType = Literal["text", "code", "integer", "decimal", "boolean", "date", "timestamp", "json"]
#: Licence ids of data.gouv.fr under which data may be reused and re-published with attribution.
OPEN_LICENCES = frozenset({"lov2", "fr-lo"})


def _require_patterns(*patterns: str | None) -> None:
    for pattern in patterns:
        try:
            re.compile(pattern or "")
        except (re.error, OverflowError) as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


class Cadence(Model):
    """How often the publisher updates, and when silence becomes a warning or a failure."""

    frequency: Literal["daily", "weekdays", "weekly", "monthly", "yearly", "irregular"]
    cron: str = Field(description="when to look, Europe/Paris")
    warn_after_days: int
    fail_after_days: int


class Luhn(Model):
    """A check-digit rule (ISO/IEC 7812), with the prefixes that follow another one."""

    exempt_prefix: str | None = None
    exempt_digit_sum_multiple_of: int | None = None


class Column(Model):
    """One column of a source file and what becomes of it.

    Attributes:
        name: the name in our tables.
        source: header in the publisher's file; the same as ``name`` if not given.
        synonyms: other headers under which the publisher has delivered it.
        type: ``code`` is text whose zeros matter; ``json`` is JSON in a string.
        required: a file without it is refused; an optional one is read as null.
        nullable: when false, an empty value sends the row to quarantine.
        pattern: regular expression that a present value must match whole.
        luhn: check digit that a present value must satisfy.
        one_of: closed list of values.
        minimum, maximum: inclusive bounds of a number or a date.
        formats: ``strptime`` formats tried in order for a date; ISO if none.
        null_values: values that mean "unknown" for this column.
        pad_to: restore lost leading zeros up to this length, for number-typed sources only.
        on_error: ``reject`` quarantines the row; ``null`` keeps it without the value.
        fr, en: meaning, one line each.
        personal: data class.
    """

    name: str
    source: str | None = None
    synonyms: tuple[str, ...] = ()
    type: ColumnType = "text"
    required: bool = True
    nullable: bool = True
    pattern: str | None = None
    luhn: Luhn | None = None
    one_of: tuple[str, ...] | None = None
    minimum: float | date | None = None
    maximum: float | date | None = None
    formats: tuple[str, ...] = ()
    null_values: tuple[str, ...] = ()
    pad_to: int | None = None
    on_error: Literal["reject", "null"] = "reject"
    fr: str
    en: str
    personal: Personal = "none"

    @property
    def header(self) -> str:
        """Return the header the publisher uses today."""
        return self.source or self.name

    @property
    def headers(self) -> tuple[str, ...]:
        """Return every header under which the column may come, today's first."""
        return (self.header, *self.synonyms)

    @model_validator(mode="after")
    def _pattern_compiles(self) -> Self:
        _require_patterns(self.pattern)
        return self


class Csv(Model):
    """Dialect of a delimited file."""

    delimiter: str = ","
    encoding: Literal["utf-8", "windows-1252"] = "utf-8"
    skip_lines: int = 0


class Window(Model):
    """How an append-only source is asked for a period (events only)."""

    field: str = Field(description="date field of the portal's query")
    overlap_days: int = Field(description="days asked again, for late records")
    first_days: int = Field(description="days asked on the first run, the silent baseline")
    empty_ok_days: int = Field(description="longest window in which no record is plausible")


class Form(Model):
    """Another form in which the publisher offers the same file; fields as in ``Resource``."""

    id: str = ""
    format: Literal["csv", "json", "jsonl", "parquet", "xlsx", "xml"]
    archive: Literal["zip", "gzip", "taz"] | None = None
    title_pattern: str | None = None


class Resource(Model):
    """One file of a dataset.

    Attributes:
        name: short stable name, used in paths and messages.
        id: the portal's resource id (data.gouv.fr) or dataset id (Opendatasoft, data-fair);
            empty where it is not known: the one resource whose title matches is taken.
        format: what is inside, once unpacked.
        archive: how it is packed.
        member: name of the file inside the archive, when there are several.
        members: regular expression that the names of XML documents inside the archive match whole;
            they are read as one, and ``records`` names the root of each.
        lines: with ``members``, the names of text files whose lines are records too, in ``LINE``.
        title_pattern: what the portal's title must match whole, to catch permuted ids.
        optional: absence is reported, not fatal.
        empty_ok: a file without any record is plausible.
        order: columns by which the rows are put in order before they are normalised.
        forms: other forms of the same file, by name; see ``Dataset.form``.
        records: where the records are in a nested document (JSON, XML): the names below the root
            that lead to one, e.g. ``listeAvis/avis``.
        lift: objects of a JSON record whose own fields are read as fields of the record; of an
            array, the first object.
        window: set for sources asked by period.
        like: ``dataset.resource`` whose columns these records carry too; ``columns`` adds to them.
            Which of them are there is up to the query: only those never empty are required.
        columns: the contract of the file.
    """

    name: str
    id: str = ""
    format: Literal["csv", "json", "jsonl", "parquet", "xlsx", "xml"]
    archive: Literal["zip", "gzip", "taz"] | None = None
    member: str | None = None
    members: str | None = None
    lines: str | None = None
    title_pattern: str | None = None
    optional: bool = False
    empty_ok: bool = False
    order: tuple[str, ...] = ()
    forms: dict[str, Form] = Field(default_factory=dict)
    csv: Csv = Csv()
    records: str | None = None
    lift: tuple[str, ...] = ()
    window: Window | None = None
    query: dict[str, str] = Field(default_factory=dict)
    like: str | None = None
    columns: tuple[Column, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of the columns in our vocabulary."""
        return tuple(column.name for column in self.columns)

    @model_validator(mode="after")
    def _records_are_found(self) -> Self:
        if self.format == "xml" and not self.records:
            raise ValueError("a resource in XML says where its records are")
        if self.records and self.format not in ("xml", "json"):
            raise ValueError("only a nested document (json, xml) has records to be found")
        if (self.members or self.lines) and (self.format, self.archive) != ("xml", "taz"):
            raise ValueError(
                "only what a taz has beside XML documents is read by `members`, `lines`"
            )
        return self

    def in_form(self, form: str) -> Resource:
        """Return the resource as the publisher offers it in another form.

        Raises:
            SettingsError: it is not offered in that form.
        """
        if form not in self.forms:
            raise SettingsError(
                f"the resource {self.name} is not offered as {form!r}",
                next_step=f"use one of {', '.join(sorted(self.forms)) or 'none'}, or no `form`",
            )
        return self.model_copy(update=dict(self.forms[form]))

    @model_validator(mode="after")
    def _patterns_compile(self) -> Self:
        titles = (form.title_pattern for form in self.forms.values())
        _require_patterns(self.title_pattern, self.members, self.lines, *titles)
        return self

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        ways = [(self.id, self.title_pattern)]
        ways += [(form.id, form.title_pattern) for form in self.forms.values()]
        for number, title in ways:
            if not number and not title:
                raise ValueError(f"resource {self.name} has neither id nor title_pattern")
        return self


#: The engine's own column of every table.
SOURCE_ID = Column(
    name="source_id",
    type="code",
    nullable=False,
    fr="Version de la source : jeu de données, date et empreinte ; clé de la table sources",
    en="Version of the source: dataset, date and digest; key of the sources table",
)


class TableColumn(Model):
    """One column of a normalised table; what a source column already says is inherited."""

    name: str
    type: ColumnType | None = None
    fr: str | None = None
    en: str | None = None
    personal: Personal | None = None


class Assertions(Model):
    """Gates of a table: a floor not reached blocks, a ceiling passed warns.

    Attributes:
        rows_floor, rows_ceiling: absolute bounds on the number of rows.
        rows_vs_previous: share of the previous version's rows that must be there.
        rejected_ceiling: share of rows in quarantine above which the version is refused.
        fill_floor: column → share of non-null values that must be there.
        luhn_floor: column → share of present values that satisfy the check digit.
        changed_ceiling: share of keys that may differ from the previous version before the
            version is held for inspection (mass-change guard).
        references: column → ``table.column`` of the same dataset, with the floor of the
            share that must be found there.
    """

    rows_floor: int = 1
    rows_ceiling: int | None = None
    rows_vs_previous: float = 0.98
    rejected_ceiling: float = 0.01
    fill_floor: dict[str, float] = Field(default_factory=dict)
    luhn_floor: dict[str, float] = Field(default_factory=dict)
    changed_ceiling: float = 0.05
    changed_ceiling_min_rows: int = 1000
    references: dict[str, tuple[str, float]] = Field(default_factory=dict)


class Table(Model):
    """A normalised table of the dataset.

    ``key`` is unique in the current state. ``date`` names the column whose range is shown. A
    table of an overlay that lists no column has those of the table it overlays. ``inherits``
    names the resource that tells what its columns are, where several have them. With
    ``row_hashes`` a hash of every row is kept beside it: for large snapshots, of which the next
    version is then compared without reading what did not change.
    """

    title_fr: str
    title_en: str
    key: tuple[str, ...]
    date: str | None = None
    inherits: str | None = None
    row_hashes: bool = False
    columns: tuple[TableColumn, ...] = ()
    assertions: Assertions = Assertions()


class Overlay(Model):
    """What a dataset says of a snapshot between two of its publications.

    The table ``<this>__x`` replaces the rows of ``<dataset>__x`` that have the same key and were
    treated before; the next snapshot supersedes it.
    """

    dataset: str = Field(description="the snapshot")
    treated: str = Field(description="column of both: the instant the publisher wrote the row")


class Dataset(Model):
    """One dataset: where it comes from, what it contains, what must hold.

    Attributes:
        portal: how it is fetched; ``derived`` is made from the versions of ``derived_from``.
        kind: ``snapshot`` replaces what was there; ``events`` adds to it.
        coherent: all resources must carry the same month, or none is taken.
        enabled: asked by a run that names no dataset, unless the operator's choice says otherwise.
        form: name of the form in which every resource is taken; the first one if not given.
        keep: versions kept for rollback.
        overlays: the snapshot whose rows these replace until its next publication.
    """

    name: str
    title: str
    title_en: str
    description: str
    description_en: str
    publisher: Publisher
    portal: Portals
    host: str = Field(description="official base URL of the portal")
    dataset_id: str
    derived_from: str | None = None
    overlays: Overlay | None = None
    landing_page: str
    licence: Licence
    attribution: str = Field(description="sentence to show; {date} is the date of last update")
    cadence: Cadence
    kind: Literal["snapshot", "events"]
    coherent: bool = False
    enabled: bool = True
    form: str | None = None
    keep: int = 3
    seen_on_real_data: bool = True
    contains_personal_data: bool
    personal_data_note: str
    known_traps: tuple[str, ...] = ()
    resources: tuple[Resource, ...] = ()
    tables: dict[str, Table]

    def resource(self, name: str) -> Resource:
        """Return the resource called ``name``; ``KeyError`` if there is none.

        ``<resource>/<file>`` names one of its files and gives it as well.
        """
        for resource in self.resources:
            if resource.name == name.partition("/")[0]:
                return resource
        raise KeyError(name)

    def in_form(self, form: str | None) -> Dataset:
        """Return the dataset with every file taken in another form; itself if ``None``.

        Raises:
            SettingsError: a resource is not offered in that form.
        """
        if form is None:
            return self
        resources = tuple(resource.in_form(form) for resource in self.resources)
        return self.model_copy(update={"form": form, "resources": resources})

    def described_columns(self, table: str) -> tuple[Column, ...]:
        """Return the columns of ``table``, the engine's own last, with all that is inherited."""
        known = {column.name: column for res in self.resources for column in res.columns}
        if (origin := self.tables[table].inherits) is not None:
            known |= {column.name: column for column in self.resource(origin).columns}
        described = []
        for column in self.tables[table].columns:
            base = known.get(column.name)
            own = column.model_dump(exclude_none=True)
            if base is None:
                described.append(Column(**own))
            else:
                kept = {"type": base.type, "fr": base.fr, "en": base.en, "personal": base.personal}
                described.append(Column(**{**kept, **own}))
        return (*described, SOURCE_ID)

    @model_validator(mode="after")
    def _origin_is_stated(self) -> Self:
        if (self.portal == "derived") != (self.derived_from is not None):
            raise ValueError("a derived dataset, and no other, names the one it is derived_from")
        if (self.portal == "derived") == bool(self.resources):
            raise ValueError("a dataset has resources unless it is derived")
        return self

    @model_validator(mode="after")
    def _tables_are_described(self) -> Self:
        for name, table in self.tables.items():
            if self.overlays is not None and not table.columns:
                continue
            columns = {column.name for column in self.described_columns(name)}
            unknown = set(table.key) - columns
            if unknown:
                raise ValueError(f"table {name}: key names unknown columns {sorted(unknown)}")
        return self


def load_dataset(path: Path, instead: Mapping[str, Any] | None = None) -> Dataset:
    """Read one ``dataset.yml``.

    Args:
        path: the file.
        instead: fields that replace those of the file.

    Raises:
        SettingsError: the file is not YAML or does not fit the model; the message names
            the field and the reason.
    """
    try:
        content = load_plain(path.read_bytes())
        dataset = Dataset.model_validate({**content, **instead} if instead else content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"{field}: {first['msg']} ({error.error_count()} problem(s))",
            next_step="correct that field; opendata/catalogue.py describes each one",
            file=str(path),
        ) from error
    except NOT_YAML as error:
        raise SettingsError(
            f"not valid YAML: {error}", next_step="correct the file", file=str(path)
        ) from error
    if dataset.name != path.parent.name:
        raise SettingsError(
            f"name is {dataset.name!r} but the folder is {path.parent.name!r}",
            next_step="give both the same name",
            file=str(path),
        )
    return dataset.in_form(dataset.form)


def load_catalogue(folder: Path) -> dict[str, Dataset]:
    """Return every dataset described under ``folder`` by name, in alphabetical order."""
    datasets = (load_dataset(path) for path in sorted(folder.glob("*/dataset.yml")))
    return {dataset.name: dataset for dataset in datasets}
