"""The policy covers every column of the tables, and nothing else."""

from __future__ import annotations

from sirene_files import DATASET

from sirene.policy import policy
from sirene.registry import UNIT_TRACKED

ADDED = {"record_key", "publication_date"}
#: Columns of the Historique files with a ``changement…`` flag (names in our tables).
HISTORISED_UNIT = {
    "etat_administratif",
    "denomination",
    "denomination_usuelle_1",
    "denomination_usuelle_2",
    "denomination_usuelle_3",
    "categorie_juridique",
    "activite_principale",
    "nic_siege",
    "ess",
    "societe_mission",
}
HISTORISED_SITE = {
    "etat_administratif",
    "enseigne_1",
    "enseigne_2",
    "enseigne_3",
    "denomination_usuelle",
    "activite_principale",
    "caractere_employeur",
}


def test_every_column_of_the_tables_has_a_policy() -> None:
    for table, rules in (
        ("sirene__legal_units", policy().legal_units),
        ("sirene__establishments", policy().establishments),
    ):
        columns = {column.name for column in DATASET.tables[table].columns} - ADDED
        assert set(rules) == columns


def test_historised_are_the_columns_of_the_history_files() -> None:
    def historised(rules: dict[str, object]) -> set[str]:
        return {name for name, rule in rules.items() if getattr(rule, "policy") == "historised"}  # noqa: B009

    assert historised(dict(policy().legal_units)) == HISTORISED_UNIT
    assert historised(dict(policy().establishments)) == HISTORISED_SITE


def test_only_historised_and_refreshed_columns_make_events_and_all_of_them_are_compared() -> None:
    for name, rule in policy().unit_events.items():
        assert rule.policy in {"historised", "refreshed"}
        assert name in UNIT_TRACKED


def test_refreshed_columns_and_no_others_are_dated_by_a_year() -> None:
    rules = policy().legal_units
    assert all((rule.policy == "refreshed") == (rule.year is not None) for rule in rules.values())
    yearly = {rule.change for rule in rules.values() if rule.policy == "refreshed"}
    assert set(policy().mass_operation.yearly_changes) == yearly


def test_reasons_are_given_for_what_is_ignored() -> None:
    rules = [*policy().legal_units.values(), *policy().establishments.values()]
    assert all(rule.why for rule in rules if rule.policy == "ignored")
