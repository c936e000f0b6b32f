"""What the sample says of itself is what it holds."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

Row = dict[str, str]
Table = Callable[[str], list[Row]]

MONTHS = ("2017-01-01", "2017-02-01", "2017-05-01")
STOCKS = {
    "StockUniteLegale": "stock-stockunitelegale-csv.zip",
    "StockEtablissement": "stock-stocketablissement-csv.zip",
    "StockEtablissementLiensSuccession": "stock-stocketablissementlienssuccession-csv.zip",
    "StockUniteLegaleHistorique": "stock-stockunitelegalehistorique-csv.zip",
    "StockEtablissementHistorique": "stock-stocketablissementhistorique-csv.zip",
    "StockDoublons": "stock-stockdoublons-csv.zip",
}
ACTIVE, CLOSED = "A", "F"


def rows_of(path: str, text: str) -> int:
    if path.endswith(".jsonl"):
        return len(text.splitlines())
    return len(list(csv.reader(io.StringIO(text)))) - 1


def data_files(texts: dict[str, str]) -> list[str]:
    kept = (".csv", ".jsonl", ".zip")
    return [path for path in texts if path.endswith(kept) and not path.startswith("build/")]


class TestCounts:
    def test_every_data_file_is_counted_right(
        self, sizes: dict[str, int], texts: dict[str, str]
    ) -> None:
        counted = json.loads(texts["counts.json"])
        assert counted["rows"] == {path: rows_of(path, texts[path]) for path in data_files(texts)}
        assert counted["bytes"] == {path: sizes[path] for path in data_files(texts)}

    def test_the_readme_shows_the_same_counts(self, texts: dict[str, str]) -> None:
        counted = json.loads(texts["counts.json"])
        shown = re.findall(r"^\| `([^`]+)` \| (\d+) \| (\d+) \|$", texts["README.md"], re.M)
        assert {path: int(rows) for path, rows, _ in shown} == counted["rows"]
        assert {path: int(size) for path, _, size in shown} == counted["bytes"]
        named = re.findall(r"^\| ([a-z]+(?: and [a-z]+)?) \| (\d+) \|$", texts["README.md"], re.M)
        expected = counted["companies"] | counted["overlaps"]
        assert {name: int(count) for name, count in named} == expected

    def test_companies_are_counted_right(
        self, table: Table, texts: dict[str, str], notices: list[dict[str, Any]]
    ) -> None:
        sources = {
            "sirene": {
                row["siren"] for row in table(f"sirene/{MONTHS[-1]}/{STOCKS['StockUniteLegale']}")
            },
            "bodacc": {n.replace(" ", "") for notice in notices for n in notice["registre"]},
            "decp": {row["titulaire_id"][:9] for row in table("decp/2025-01-06/decp.csv")},
            "egapro": {row["SIREN"] for row in table("egapro/2021-03-01/index-egalite-fh.csv")},
            "leads": {row["true_siren"] for row in table("expected/leads_truth.csv")},
        }
        counted = json.loads(texts["counts.json"])
        assert counted["companies"] == {name: len(found) for name, found in sources.items()}
        for pair, count in counted["overlaps"].items():
            one, other = pair.split(" and ")
            assert len(sources[one] & sources[other]) == count, pair


class TestReplay:
    @pytest.fixture
    def steps(self, texts: dict[str, str]) -> list[dict[str, Any]]:
        """Both plans, one after the other: the second goes on where the first ends."""
        plans = ("replay.yml", "replay-boamp.yml")
        return [step for plan in plans for step in yaml.safe_load(texts[plan])]

    def test_dates_only_go_forward(self, steps: list[dict[str, Any]]) -> None:
        dates = [step["date"] for step in steps]
        assert dates == sorted(set(dates))

    def test_every_served_file_is_published_once_and_in_time(
        self, steps: list[dict[str, Any]], texts: dict[str, str]
    ) -> None:
        served: dict[str, str] = {}
        portal = yaml.safe_load(texts["portal.yml"])
        for dataset in portal["datagouv"]:
            for resource in dataset["resources"]:
                served |= {path: day.isoformat() for day, path in resource["files"].items()}
        for dataset in portal["opendatasoft"]:
            served |= {path: Path(path).stem for path in dataset["files"]}
        for dataset in portal["dido"]:
            for file in dataset["datafiles"]:
                for day, vintage in file["vintages"].items():
                    served[vintage["file"]] = day.isoformat()
        published = [path for step in steps for path in step["publishes"]]
        assert sorted(published) == sorted(served)
        before = "0000"
        for step in steps:
            now = step["date"].isoformat()
            assert all(before < served[path] <= now for path in step["publishes"]), step["note"]
            before = now

    def test_a_step_runs_the_datasets_it_publishes(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            assert step["run"] == sorted({path.split("/")[0] for path in step["publishes"]})
        runs = Counter(name for step in steps for name in step["run"])
        assert min(runs.values()) >= 2, "a baseline and a delta at least"

    def test_notices_are_in_the_file_of_their_date(self, texts: dict[str, str]) -> None:
        for path in data_files(texts):
            if path.endswith(".jsonl"):
                dates = {json.loads(line)["dateparution"] for line in texts[path].splitlines()}
                assert dates == {Path(path).stem}


class TestSirene:
    @pytest.mark.parametrize("month", MONTHS)
    @pytest.mark.parametrize("stock", STOCKS)
    def test_headers_are_the_official_ones_in_order(
        self, texts: dict[str, str], month: str, stock: str
    ) -> None:
        recorded = Path(__file__).parents[1] / "data/recorded/sample_portal/insee_headers"
        official = (recorded / f"{stock}_header.csv").read_text("utf-8").strip()
        assert texts[f"sirene/{month}/{STOCKS[stock]}"].partition("\n")[0] == official

    @pytest.mark.parametrize("month", MONTHS)
    def test_keys_are_unique_sorted_and_whole(self, table: Table, month: str) -> None:
        units = [row["siren"] for row in table(f"sirene/{month}/{STOCKS['StockUniteLegale']}")]
        sites = table(f"sirene/{month}/{STOCKS['StockEtablissement']}")
        sirets = [row["siret"] for row in sites]
        assert units == sorted(set(units))
        assert sirets == sorted(set(sirets))
        assert all(row["siren"] + row["nic"] == row["siret"] for row in sites)
        assert {row["siren"] for row in sites} <= set(units)

    @pytest.mark.parametrize("month", MONTHS)
    def test_dates_and_codes_are_written_as_today(self, table: Table, month: str) -> None:
        sites = table(f"sirene/{month}/{STOCKS['StockEtablissement']}")
        shapes = {
            "dateCreationEtablissement": r"\d{4}-\d{2}-\d{2}",
            "dateDebut": r"\d{4}-\d{2}-\d{2}",
            "dateDernierTraitementEtablissement": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
            "activitePrincipaleEtablissement": r"\d\d\.\d\d[A-Z]",
            "trancheEffectifsEtablissement": r"NN|\d\d",
            "codeCommuneEtablissement": r"\d[\dAB]\d{3}",
            "codePostalEtablissement": r"\d{5}",
            "etablissementSiege": r"true|false",
            "etatAdministratifEtablissement": r"A|F",
        }
        for column, shape in shapes.items():
            odd = {
                row[column] for row in sites if row[column] and not re.fullmatch(shape, row[column])
            }
            assert not odd, column
        assert sum(row["codeCommuneEtablissement"].startswith(("2A", "2B")) for row in sites) > 5

    @pytest.mark.parametrize("month", MONTHS)
    def test_a_head_office_is_the_units_and_open_with_it(self, table: Table, month: str) -> None:
        sites = {r["siret"]: r for r in table(f"sirene/{month}/{STOCKS['StockEtablissement']}")}
        known = 0
        for unit in table(f"sirene/{month}/{STOCKS['StockUniteLegale']}"):
            site = sites.get(unit["siren"] + unit["nicSiegeUniteLegale"])
            if site is not None:
                known += 1
                assert site["etablissementSiege"] == "true"
                if unit["etatAdministratifUniteLegale"] == "A":
                    assert site["etatAdministratifEtablissement"] == ACTIVE, site["siret"]
        assert known > 2000

    @pytest.mark.parametrize("month", MONTHS)
    @pytest.mark.parametrize(
        ("history", "stock", "key", "state"),
        [
            ("StockUniteLegaleHistorique", "StockUniteLegale", "siren", "UniteLegale"),
            ("StockEtablissementHistorique", "StockEtablissement", "siret", "Etablissement"),
        ],
    )
    def test_the_current_period_of_a_history_is_what_the_stock_says(
        self, table: Table, month: str, history: str, stock: str, key: str, state: str
    ) -> None:
        told = (key, "dateDebut", f"etatAdministratif{state}", f"activitePrincipale{state}")
        periods = table(f"sirene/{month}/{STOCKS[history]}")
        current = [row for row in periods if not row["dateFin"]]
        assert [[row[name] for name in told] for row in current] == [
            [row[name] for name in told] for row in table(f"sirene/{month}/{STOCKS[stock]}")
        ]

    @pytest.mark.parametrize("month", MONTHS[1:])
    @pytest.mark.parametrize(
        ("history", "key"),
        [("StockUniteLegaleHistorique", "siren"), ("StockEtablissementHistorique", "siret")],
    )
    def test_periods_follow_one_another_day_by_day(
        self, table: Table, month: str, history: str, key: str
    ) -> None:
        rows = table(f"sirene/{month}/{STOCKS[history]}")
        met = 0
        for later, earlier in pairwise(rows):
            if later[key] == earlier[key]:
                met += 1
                start = date.fromisoformat(later["dateDebut"])
                assert date.fromisoformat(earlier["dateFin"]) == start - timedelta(days=1)
                assert earlier["dateDebut"] <= earlier["dateFin"]
        assert met > 500

    def test_what_a_flag_says_is_what_differs(self, table: Table) -> None:
        rows = table(f"sirene/{MONTHS[-1]}/{STOCKS['StockUniteLegaleHistorique']}")
        changes = 0
        for later, earlier in pairwise(rows):
            if later["siren"] == earlier["siren"]:
                differs = later["denominationUniteLegale"] != earlier["denominationUniteLegale"]
                assert later["changementDenominationUniteLegale"] == (
                    "true" if differs else "false"
                )
                changes += differs
        assert changes > 80

    def test_no_duplicate_is_invented(self, texts: dict[str, str]) -> None:
        for month in MONTHS:
            text = texts[f"sirene/{month}/{STOCKS['StockDoublons']}"]
            assert text.splitlines() == ["siren,sirenDoublon,dateDernierTraitementDoublon"]


@pytest.fixture(scope="session")
def events(table: Table) -> list[Row]:
    """Return INSEE's own events."""
    return table("expected/sirene_events_2017.csv")


@pytest.fixture(scope="session")
def sites(table: Table) -> dict[str, dict[str, str]]:
    """Return month → SIRET → state."""
    return {
        month: {
            row["siret"]: row["etatAdministratifEtablissement"]
            for row in table(f"sirene/{month}/{STOCKS['StockEtablissement']}")
        }
        for month in MONTHS
    }


class TestExpectedEvents:
    """INSEE's own events agree with the months that were rebuilt from them."""

    def alone(self, events: list[Row]) -> list[Row]:
        """Return the events of the establishments that have only one."""
        times = Counter(row["siret"] for row in events)
        return [row for row in events if times[row["siret"]] == 1]

    def test_each_kind_of_event_is_there(self, events: list[Row]) -> None:
        kinds = Counter(row["eve"] for row in events)
        assert all(kinds[eve] > 100 for eve in ("CS", "CE", "CTS", "STS", "SE", "SU", "SS", "MU"))
        assert all(kinds[eve] > 0 for eve in ("CTE", "STE", "RS", "RE", "RI", "MTAS", "MTDE"))
        across = [r for r in events if r["other_siret"] and r["other_siret"][:9] != r["siren"]]
        assert len(across) > 80

    def test_a_created_site_appears_in_its_month(
        self, events: list[Row], sites: dict[str, dict[str, str]]
    ) -> None:
        checked = 0
        for row in self.alone(events):
            if row["vmaj"] == "D" or row["eve"] in {"CS", "CE", "CTS", "CTE"}:
                month = MONTHS.index(row["vintage"])
                assert row["siret"] not in sites[MONTHS[month - 1]]
                assert sites[MONTHS[month]][row["siret"]] == ACTIVE
                checked += 1
        assert checked > 1500

    def test_a_closed_site_closes_in_its_month(
        self, events: list[Row], sites: dict[str, dict[str, str]]
    ) -> None:
        checked = 0
        for row in self.alone(events):
            if row["vmaj"] == "E":
                month = MONTHS.index(row["vintage"])
                assert sites[MONTHS[month - 1]][row["siret"]] == ACTIVE
                assert sites[MONTHS[month]][row["siret"]] == CLOSED
                checked += 1
        assert checked > 1500

    def test_a_reactivated_site_was_closed(
        self, events: list[Row], sites: dict[str, dict[str, str]]
    ) -> None:
        reopened = [row for row in self.alone(events) if row["eve"] in {"RS", "RE"}]
        assert len(reopened) > 20
        for row in reopened:
            month = MONTHS.index(row["vintage"])
            assert sites[MONTHS[month - 1]][row["siret"]] == CLOSED
            assert sites[MONTHS[month]][row["siret"]] == ACTIVE

    def test_every_other_end_is_a_link_from_its_month_on(
        self, events: list[Row], table: Table
    ) -> None:
        for place, month in enumerate(MONTHS):
            links = table(f"sirene/{month}/{STOCKS['StockEtablissementLiensSuccession']}")
            given = {
                (row["siretEtablissementPredecesseur"], row["siretEtablissementSuccesseur"])
                for row in links
            }
            expected = {
                (row["other_siret"], row["siret"])
                for row in events
                if row["other_siret"] and row["vintage"] in MONTHS[: place + 1]
            }
            assert given == expected
            assert len(given) >= (13, 250, 1000)[place]

    def test_a_transfer_of_head_office_is_marked(self, events: list[Row], table: Table) -> None:
        links = table(f"sirene/{MONTHS[-1]}/{STOCKS['StockEtablissementLiensSuccession']}")
        moved = {
            (row["siretEtablissementPredecesseur"], row["siretEtablissementSuccesseur"])
            for row in links
            if row["transfertSiege"] == "true"
        }
        assert moved == {
            (row["other_siret"], row["siret"])
            for row in events
            if row["eve"] in {"CTS", "MTAS"} and row["other_siret"][:9] == row["siren"]
        }
        assert all(
            row["continuiteEconomique"] == "true"
            for row in links
            if row["transfertSiege"] == "true"
        )


class TestNotices:
    def test_ids_are_those_of_the_bulletin(self, notices: list[dict[str, Any]]) -> None:
        for notice in notices:
            assert notice["id"] == f"A{notice['parution']}{notice['numeroannonce']}"
            assert notice["parution"][:4] == notice["dateparution"][:4]
        assert len({notice["id"] for notice in notices}) == len(notices)

    def test_each_company_is_registered_twice(self, notices: list[dict[str, Any]]) -> None:
        for notice in notices:
            plain = [number for number in notice["registre"] if " " not in number]
            spaced = [number.replace(" ", "") for number in notice["registre"] if " " in number]
            assert sorted(plain) == sorted(spaced), notice["id"]

    def test_the_whole_issue_of_2021_is_there(self, notices: list[dict[str, Any]]) -> None:
        issue = [notice for notice in notices if notice["parution"] == "20210005"]
        families = Counter(notice["familleavis"] for notice in issue)
        assert families == {"creation": 432, "immatriculation": 45, "vente": 28}
        assert Counter(notice["typeavis"] for notice in issue)["rectificatif"] == 8

    def test_every_sale_keeps_its_price_or_its_category(
        self, notices: list[dict[str, Any]]
    ) -> None:
        origins = [
            notice["listeetablissements"]["etablissement"]["origineFonds"]
            for notice in notices
            if notice["familleavis"] == "vente"
        ]
        assert len(origins) == 28
        assert all(re.search(r"(?:prix stipulé|montant évalué).*\d", one) for one in origins)

    def test_the_old_issues_keep_their_rare_judgements(self, notices: list[dict[str, Any]]) -> None:
        natures = Counter(one["jugement"]["nature"] for one in notices if one["jugement"])
        assert natures["Jugement arrêtant un plan de cession"] > 20
        assert natures["Jugement de plan de redressement"] > 20
        assert sum(count for nature, count in natures.items() if "sauvegarde" in nature) > 15
        dates = [one["jugement"]["date"] for one in notices if (one["jugement"] or {}).get("date")]
        assert all(re.search(r"[a-zû]+", one) for one in dates), "dates stay in French words"
        assert {one["typeavis"] for one in notices} == {"annonce", "rectificatif", "annulation"}


class TestContractsAndIndex:
    def test_the_second_vintage_continues_the_first(self, table: Table) -> None:
        first, second = table("decp/2024-10-01/decp.csv"), table("decp/2025-01-06/decp.csv")
        assert first == [row for row in second if row["dateNotification"] <= "2024-09-30"]
        assert 400 < len(first) < len(second)
        assert len(second[0]) == 17

    def test_contracts_have_versions_and_several_winners(self, table: Table) -> None:
        rows = table("decp/2025-01-06/decp.csv")
        versions = Counter((row["uid"], row["titulaire_id"]) for row in rows)
        winners = Counter(uid for uid, _ in versions)
        assert sum(count > 1 for count in versions.values()) > 80
        assert sum(count > 1 for count in winners.values()) > 15

    def test_the_index_gains_a_year(self, table: Table) -> None:
        first = table("egapro/2020-03-01/index-egalite-fh.csv")
        second = table("egapro/2021-03-01/index-egalite-fh.csv")
        assert {row["Année"] for row in first} == {"2018", "2019"}
        assert first == [row for row in second if row["Année"] < "2020"]
        keys = [(row["SIREN"], row["Année"]) for row in second]
        assert len(keys) == len(set(keys))


class TestLeads:
    @pytest.fixture
    def leads(self, table: Table) -> list[Row]:
        return table("leads.csv")

    @pytest.fixture
    def truth(self, table: Table) -> dict[str, Row]:
        return {row["lead_id"]: row for row in table("expected/leads_truth.csv")}

    def test_columns_ids_and_accounts(self, leads: list[Row], truth: dict[str, Row]) -> None:
        assert list(leads[0]) == [
            "lead_id",
            "account_id",
            "company_name",
            "siren",
            "siret",
            "address",
            "postcode",
            "city",
            "department",
            "website",
            "country",
        ]
        ids = [row["lead_id"] for row in leads]
        assert ids == [f"L-{number:06d}" for number in range(1, len(leads) + 1)]
        assert ids == list(truth)
        assert {row["account_id"] for row in leads} == {"demo-btp", "demo-services"}

    def test_a_given_identifier_is_the_true_one(
        self, leads: list[Row], truth: dict[str, Row]
    ) -> None:
        given = [row for row in leads if row["siren"]]
        assert len(given) > 150
        assert all(row["siren"] == truth[row["lead_id"]]["true_siren"] for row in given)
        assert all(row["siret"].startswith(row["siren"]) for row in given if row["siret"])
        assert not [row for row in leads if row["siret"] and not row["siren"]]

    def test_a_lead_without_one_can_be_found_in_the_register(
        self, leads: list[Row], truth: dict[str, Row], table: Table
    ) -> None:
        units = {row["siren"] for row in table(f"sirene/{MONTHS[-1]}/{STOCKS['StockUniteLegale']}")}
        searched = [row["lead_id"] for row in leads if not row["siren"]]
        assert len(searched) > 200
        assert all(truth[lead]["true_siren"] in units for lead in searched)

    def test_only_open_licence_sets_are_used(self, truth: dict[str, Row]) -> None:
        assert {row["set"] for row in truth.values()} <= {
            "alimconfiance_dgal",
            "egapro_index",
            "egapro_index_ues",
            "irep_georisques",
            "decp_titulaires",
            "dgal_eggs",
            "bodacc_rcs_a_2021",
            "bodacc_pcl_2008",
        }
