"""The XML files of DILA give the rows that the portal's records give.

RCS-A: a real issue, the same notices in both forms. PCL: real judgments of the sample, written
in the layout of 2008 that DILA's files show. RCS-B and BILAN: *synthetic*, from the schemas.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.bodacc.normalise import normalise
from opendata.archive import unpack
from opendata.contract import read_resource
from opendata.mirrors import load_mirror

from .notices import LIQUIDATION, OPENING, REAL, ROOT, Read, Tables

DILA = load_mirror(ROOT / "assets/bodacc", "dila")
ISSUE = ROOT / "tests/data/bodacc/RCS-A_BXA20210005.taz"
IDENTITY = "<parution>20210005</parution><dateParution>2021-01-08</dateParution>"
COMPANY = (
    "<numeroImmatriculation><numeroIdentificationRCS>552 032 534</numeroIdentificationRCS>"
    "<codeRCS>RCS</codeRCS></numeroImmatriculation>"
)


def of_xml(work: Path, **documents: Path | str) -> Tables:
    """Return the tables of XML documents, by resource (``_`` for ``-``)."""
    raw = {}
    for name, document in documents.items():
        resource = DILA.resource(name.replace("_", "-"))
        path = document if isinstance(document, Path) else work / f"{resource.name}.xml"
        if isinstance(document, str):
            path.write_text(document, encoding="utf-8")
        result = read_resource(resource, [path], work=work / "read")
        assert result.rejected_rows == 0, result.rules
        raw[resource.name] = pl.scan_parquet(result.path)
    tables = normalise(raw)
    return dict(zip(tables, pl.collect_all(list(tables.values())), strict=True))


def test_the_same_notices_give_the_same_rows(tmp_path: Path, read: Read) -> None:
    xml = of_xml(tmp_path, rcs_a=unpack(ISSUE, "taz", tmp_path))
    ids = xml["bodacc__notices"]["notice_id"].to_list()
    assert len(ids) == 60
    portal = read(*(REAL[notice_id] for notice_id in ids))
    assert [portal[name].height for name in ("bodacc__sales", "bodacc__leases")] == [28, 1]
    for name, rows in portal.items():
        assert_frame_equal(xml[name], rows)


def test_a_person_who_sells_is_counted_and_not_named(tmp_path: Path) -> None:
    sales = of_xml(tmp_path, rcs_a=unpack(ISSUE, "taz", tmp_path))["bodacc__sales"]
    persons = sales.filter("seller_is_person")
    assert persons.height >= 10
    assert (
        persons.select("seller_siren", "seller_name").null_count().row(0) == (persons.height,) * 2
    )


def as_pcl(record: dict[str, Any]) -> str:
    """Return a real judgment in the layout of DILA's files of insolvencies."""
    person = json.loads(record["listepersonnes"])["personne"]
    judged = json.loads(record["jugement"])
    number = person["numeroImmatriculation"]["numeroIdentification"]
    told = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in judged.items())
    return (
        f"<annonce><typeAnnonce><creation/></typeAnnonce>"
        f"<numeroAnnonce>{record['numeroannonce']}</numeroAnnonce>"
        f"<numeroDepartement>{record['numerodepartement']}</numeroDepartement>"
        f"<tribunal>{escape(record['tribunal'])}</tribunal>"
        f"<personneMorale><denomination>{escape(person['denomination'])}</denomination>"
        f"</personneMorale><numeroImmatriculation><numeroIdentificationRCS>{number}"
        f"</numeroIdentificationRCS></numeroImmatriculation><adresse><france>"
        f"<codePostal>{record['cp']}</codePostal><ville>{escape(record['ville'])}</ville>"
        f"</france></adresse><jugement>{told}</jugement></annonce>"
    )


def test_real_judgments_in_the_layout_of_2008(tmp_path: Path, read: Read) -> None:
    issue = REAL[OPENING]["parution"]
    records = [
        one
        for one in REAL.values()
        if one["parution"] == issue and one["jugement"] and one["typeavis"] == "annonce"
    ]
    whole = "".join(map(as_pcl, records))
    day = records[0]["dateparution"].split("-")
    xml = of_xml(
        tmp_path,
        pcl=f"<PCL_REDIFF><parution>{issue}</parution>"
        f"<dateParution>{day[2]}/{day[1]}/{day[0]}</dateParution>"
        f"<annonces>{whole}</annonces></PCL_REDIFF>",
    )
    portal = read(*records)
    assert portal["bodacc__insolvencies"].height > 50
    assert_frame_equal(xml["bodacc__insolvencies"], portal["bodacc__insolvencies"])
    assert_frame_equal(xml["bodacc__notices"], portal["bodacc__notices"])
    opened = pl.col("notice_id") == OPENING
    assert xml["bodacc__insolvencies"].filter(opened)["procedure"].to_list() == [LIQUIDATION]


def test_natural_persons_of_pcl_are_left_out(tmp_path: Path) -> None:
    document = (
        f"<PCL_REDIFF>{IDENTITY}<annonces><annonce><typeAnnonce><annonce/></typeAnnonce>"
        f"<numeroAnnonce>1</numeroAnnonce><personnePhysique><nom>X</nom></personnePhysique>"
        f"{COMPANY}</annonce></annonces></PCL_REDIFF>"
    )
    assert all(table.is_empty() for table in of_xml(tmp_path, pcl=document).values())


def modified(described: str, kind: str = "personneMorale", issue: str = IDENTITY) -> str:
    return (
        f"<RCS-B_REDIFF>{issue}<listeAvis><avis><typeAnnonce><annonce/></typeAnnonce>"
        f"<numeroAnnonce>7</numeroAnnonce><personnes><personne><{kind}>"
        f"<denomination>DANONE</denomination></{kind}>{COMPANY}<capital><montantCapital>160948000"
        f"</montantCapital><devise>EUR</devise></capital><siegeSocial><france>"
        f"<codePostal>75009</codePostal><ville>Paris</ville></france></siegeSocial></personne>"
        f"</personnes>{described}</avis></listeAvis></RCS-B_REDIFF>"
    )


def test_a_modification(tmp_path: Path) -> None:
    text = "<descriptif>Modification survenue sur le capital.</descriptif>"
    xml = of_xml(
        tmp_path, rcs_b=modified(f"<modificationsGenerales>{text}</modificationsGenerales>")
    )
    (row,) = xml["bodacc__modifications"].to_dicts()
    assert (row["notice_id"], row["siren"], row["company_name"]) == (
        "B202100057",
        "552032534",
        "DANONE",
    )
    assert (row["capital"], row["administration"], row["capital_eur"]) == (True, False, 160948000)
    (notice,) = xml["bodacc__notices"].to_dicts()
    assert (notice["famille_avis"], notice["code_postal"]) == ("modification", "75009")


@pytest.mark.parametrize(
    ("described", "office"),
    [
        ("<radiationAuRCS/>", False),
        ("<radiationAuRCS><radiationPM>O</radiationPM></radiationAuRCS>", False),
        (
            "<radiationAuRCS><commentaire>Radiation d'office</commentaire></radiationAuRCS>",
            True,
        ),
    ],
)
def test_a_strike_off_may_be_an_empty_element(tmp_path: Path, described: str, office: bool) -> None:
    (row,) = of_xml(tmp_path, rcs_b=modified(described))["bodacc__strike_offs"].to_dicts()
    assert (row["siren"], row["ex_officio"]) == ("552032534", office)
    person = modified(described, "personnePhysique")
    assert of_xml(tmp_path, rcs_b=person)["bodacc__strike_offs"].is_empty()


def test_accounts_keep_the_company_in_the_notice_itself(tmp_path: Path) -> None:
    document = (
        f"<Bilan_XML_Rediff>{IDENTITY}<listeAvis><avis><typeAnnonce><annulation/></typeAnnonce>"
        f"<numeroAnnonce>9</numeroAnnonce>{COMPANY}<denomination>L'AIR &quot;PUR&quot;"
        f"</denomination><depot><dateCloture>2020-03-31</dateCloture><typeDepot>Comptes consolidés"
        f" et rapports</typeDepot></depot><parutionAvisPrecedent><nomPublication>BODACC C"
        f"</nomPublication><numeroParution>20200253</numeroParution><numeroAnnonce>682"
        f"</numeroAnnonce></parutionAvisPrecedent></avis></listeAvis></Bilan_XML_Rediff>"
    )
    (row,) = of_xml(tmp_path, bilan=document)["bodacc__accounts"].to_dicts()
    assert (row["siren"], row["company_name"]) == ("552032534", 'L\'AIR "PUR"')
    assert (row["type_avis"], row["previous_notice_id"]) == ("annulation", "C20200253682")
    assert (row["consolidated"], row["notice_id"]) == (True, "C202100059")


def test_all_the_files_of_a_window_are_one_table(tmp_path: Path) -> None:
    text = "<modificationsGenerales><descriptif>Capital.</descriptif></modificationsGenerales>"
    paths = [tmp_path / "one.xml", tmp_path / "two.xml"]
    later = IDENTITY.replace("20210005", "20210006")
    for path, issue in zip(paths, (IDENTITY, later), strict=True):
        path.write_text(modified(text, issue=issue), encoding="utf-8")
    result = read_resource(DILA.resource("rcs-b"), paths, work=tmp_path / "read")
    tables = normalise({"rcs-b": pl.scan_parquet(result.path)})
    assert tables["bodacc__modifications"].collect()["notice_id"].to_list() == [
        "B202100057",
        "B202100067",
    ]
