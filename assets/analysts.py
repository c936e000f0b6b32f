"""What analysts find in the warehouse besides the tables of datasets.

Belongs here: signals, versions, refusals, the state of the sources and whom to name, as tables
with a meaning for every column. Does not belong here: the tables of datasets, building the file
(``opendata/assembly.py``), leads and accounts: these are never in the warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from assets.workspace import Workspace
from opendata import parquet
from opendata.assembly import Content
from signals.contract import SIGNAL_SCHEMA, SignalRow, schema_of
from signals.feed.attribution import enriched
from signals.feed.companions import SignalType, SourceStatus, SourceVersion
from signals.registry import registry, signal_types

#: Columns of a signal that say something without a lead, with their French meaning.
_SIGNAL = {
    "signalid": "le signal, quelle que soit la ligne qui le modifie",
    "type": "sorte de signal ; clé de signal_types",
    "time": "date légale de l'événement",
    "timeprecision": "précision de cette date",
    "recordedtime": "instant où la ligne a été écrite, UTC",
    "expirytime": "fin de pertinence, UTC",
    "op": "ASSERT, ou AMEND si le signal a été corrigé ; les signaux retirés n'y sont pas",
    "nature": "dit par un registre (fact) ou déduit par une règle (inference)",
    "title_fr": "une ligne, en français",
    "title_en": "une ligne, en anglais",
    "before": "valeurs avant, objet JSON",
    "after": "valeurs après, objet JSON",
    "confidence": "confiance dans l'événement, toutes preuves réunies, 0-1",
    "score": "pertinence 0-100 le jour de recordedtime",
    "score_breakdown": "facteurs du score, objet JSON",
    "half_life_days": "jours en lesquels le score diminue de moitié",
    "siren": "la société",
    "siret": "l'établissement, si l'événement en concerne un",
    "counterparty_siren": "l'autre société d'une opération",
    "company_name": "nom de la personne morale au répertoire",
    "departement": "code du département",
    "is_baseline": "première vue d'une source",
    "is_mass_operation": "partie d'une opération administrative de masse",
    "prospecting_allowed": "false : la société ne veut pas être prospectée",
    "evidence": "les enregistrements qui le prouvent, le plus fort d'abord",
    "rule_version": "version de la règle",
}
_TYPE = {
    "type": "comme dans les signaux",
    "code": "nom court",
    "family": "famille",
    "title_fr": "nom en français",
    "title_en": "nom en anglais",
    "explanation_fr": "intérêt pour un vendeur, en français",
    "explanation_en": "intérêt pour un vendeur, en anglais",
    "polarity": "opportunité, risque, ou motif de silence",
    "nature": "dit par un registre, ou par une règle",
    "base_score": "score de départ, 0-100",
    "half_life_days": "demi-vie du score, en jours",
    "window_days": "durée de pertinence, en jours",
    "rule_version": "version de la règle",
    "inputs": "tables lues, la plus sûre d'abord",
    "guards": "ce que la règle refuse",
}
_STATUS = {
    "dataset": "nom du jeu de données",
    "state": "OK, STALE (en retard) ou GAP (manquant)",
    "publication_date": "date du producteur, de ce qui sert",
    "last_checked": "dernière demande au portail",
    "message": "pourquoi ce n'est pas OK",
}
_SOURCE = {
    "source_id": "clé de la version du jeu de données ; chaque ligne la porte",
    "dataset": "nom du jeu de données",
    "title": "titre du producteur",
    "publisher": "producteur à citer",
    "publisher_url": "page du producteur",
    "landing_page": "page du jeu de données",
    "licence_id": "licence, identifiant du portail",
    "licence_title": "nom de la licence",
    "licence_url": "texte de la licence",
    "publication_date": "date de dernière mise à jour, à afficher",
    "fetched_at": "instant du téléchargement, UTC",
    "attribution": "phrase à afficher",
}
_VERSION = {
    "source_id": "<dataset>@<version>; joins to sources / clé de la table sources",
    "dataset": "our name of the dataset / nom du jeu de données",
    "version": "date and digest of what came in / date et empreinte de ce qui est entré",
    "status": "good, held or withdrawn / bonne, retenue ou retirée",
    "serves": "it is the current one / c'est la version courante",
    "publication_date": "date of the publisher / date du producteur",
    "fetched_at": "when it was downloaded, UTC / instant du téléchargement, UTC",
    "records_read": "records of the files / enregistrements des fichiers",
    "records_accepted": "records taken / enregistrements pris",
    "records_rejected": "records in quarantine / enregistrements en quarantaine",
}
_REFUSAL = {
    "source_id": "<dataset>@<version>; joins to versions / clé de la table versions",
    "dataset": "our name of the dataset / nom du jeu de données",
    "rule": "resource.column:rule that was broken / ressource.colonne:règle non respectée",
    "values": "values that broke it / valeurs qui ne la respectent pas",
}
_VERSION_SCHEMA = pl.Schema(
    {
        "source_id": pl.String(),
        "dataset": pl.String(),
        "version": pl.String(),
        "status": pl.String(),
        "serves": pl.Boolean(),
        "publication_date": pl.Date(),
        "fetched_at": pl.Datetime("us"),
        "records_read": pl.Int64(),
        "records_accepted": pl.Int64(),
        "records_rejected": pl.Int64(),
    }
)
_REFUSAL_SCHEMA = pl.Schema(
    {"source_id": pl.String(), "dataset": pl.String(), "rule": pl.String(), "values": pl.Int64()}
)


def _meaning(fields: Mapping[str, str], french: Mapping[str, str]) -> dict[str, str]:
    return {name: f"{fields[name]} / {text}" for name, text in french.items()}


def _said(model: type[SignalRow | SignalType | SourceStatus | SourceVersion]) -> dict[str, str]:
    return {name: field.description or "" for name, field in model.model_fields.items()}


def _signals(workspace: Workspace) -> pl.DataFrame:
    """Return what stands in the company log: neither withdrawn nor erased, expired or not."""
    rows = workspace.log.current().filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    if not workspace.warehouse_personal:
        # Of a sole trader every column is about a person.
        rows = rows.filter(pl.col("dataclassification") != "sole_trader")
    named = enriched(rows, workspace.store.sources()).select(*_SIGNAL)
    return named.with_columns(pl.col(pl.Datetime).dt.replace_time_zone(None))


def _types(workspace: Workspace) -> pl.DataFrame:
    return signal_types(registry().values()).select(*_TYPE)


def _versions(workspace: Workspace) -> pl.DataFrame:
    store = workspace.store
    rows = [
        {
            "source_id": version.source_id,
            "dataset": name,
            "version": version.id,
            "status": version.status,
            "serves": version == store.current(name),
            "publication_date": version.publisher_date,
            "fetched_at": version.fetched_at.replace(tzinfo=None),
            "records_read": version.read,
            "records_accepted": version.accepted,
            "records_rejected": version.rejected,
        }
        for name in store.datasets()
        for version in store.state(name).versions
    ]
    return pl.DataFrame(rows, schema=_VERSION_SCHEMA)


def _refusals(workspace: Workspace) -> pl.DataFrame:
    store = workspace.store
    rows = [
        {"source_id": version.source_id, "dataset": name, "rule": rule, "values": count}
        for name in store.datasets()
        for version in store.state(name).versions
        for rule, count in version.rules.items()
    ]
    return pl.DataFrame(rows, schema=_REFUSAL_SCHEMA)


@dataclass(frozen=True)
class Extra:
    """A table that no dataset makes.

    Attributes:
        comment: what it shows, English and French.
        key: columns that identify a row.
        schema: columns with their types.
        columns: column → meaning, English and French.
        rows: makes its rows from what serves now.
    """

    comment: str
    key: tuple[str, ...]
    schema: pl.Schema
    columns: Mapping[str, str]
    rows: Callable[[Workspace], pl.DataFrame]


def _chosen(schema: pl.Schema, names: Mapping[str, str]) -> pl.Schema:
    # Instants are UTC without saying so: DuckDB needs another library to show those that do.
    told, plain = pl.Datetime("us", "UTC"), pl.Datetime("us")
    return pl.Schema({name: plain if schema[name] == told else schema[name] for name in names})


EXTRAS: Mapping[str, Extra] = {
    "signals": Extra(
        "What happened to companies and stands, expired or not; whom to name: evidence[1] "
        "/ Ce qui est arrivé aux sociétés et vaut toujours ; qui citer : evidence[1]",
        ("signalid",),
        _chosen(SIGNAL_SCHEMA, _SIGNAL),
        _meaning(_said(SignalRow), _SIGNAL),
        _signals,
    ),
    "signal_types": Extra(
        "Kinds of signals: title, rule, window, score / Sortes de signaux",
        ("type",),
        _chosen(schema_of(SignalType), _TYPE),
        _meaning(_said(SignalType), _TYPE),
        _types,
    ),
    "source_status": Extra(
        "How fresh each source is: a gap is never 'no change' / Fraîcheur de chaque source",
        ("dataset",),
        _chosen(schema_of(SourceStatus), _STATUS),
        _meaning(_said(SourceStatus), _STATUS),
        Workspace.source_status,
    ),
    "sources": Extra(
        "Whom to name for a row: join on source_id / Qui citer pour une ligne",
        ("source_id",),
        _chosen(schema_of(SourceVersion), _SOURCE),
        _meaning(_said(SourceVersion), _SOURCE),
        lambda workspace: workspace.store.sources(),
    ),
    "versions": Extra(
        "Versions of each dataset, with what was read, taken and refused / Versions des jeux",
        ("source_id",),
        _VERSION_SCHEMA,
        _VERSION,
        _versions,
    ),
    "refusals": Extra(
        "Values in quarantine, by rule, without the values / Valeurs refusées, par règle",
        ("source_id", "rule"),
        _REFUSAL_SCHEMA,
        _REFUSAL,
        _refusals,
    ),
}


def contents(workspace: Workspace) -> dict[str, Content]:
    """Write these tables, and say where they are."""
    found = {}
    for name, table in EXTRAS.items():
        target = workspace.data_dir / "tables" / f"{name}.parquet"
        parquet.sink(table.rows(workspace).lazy(), target, sort_by=table.key, point="sources")
        found[name] = Content([target], table.key, table.comment, table.columns)
    return found
