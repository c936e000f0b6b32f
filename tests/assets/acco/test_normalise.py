"""Agreements, from an archive like those of the publisher: one test for each trap.

The agreement ACCOTEXT000053935667 has the values that were published for it, in the elements
that the publisher documents; the others are synthetic.
"""

from __future__ import annotations

import io
import tarfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from register_reading import RECORDS, ROOT, Read, normalised

from opendata.archive import unpack_documents
from opendata.catalogue import load_dataset
from opendata.contract import read_resource
from opendata.typing_rules import DTYPES

DATASET = load_dataset(ROOT / "assets" / "acco" / "dataset.yml")
RESOURCE = DATASET.resource("accords")
FILES = sorted((RECORDS / "acco").glob("*.xml"))
#: As deliveries list them: the metadata and the office document of each.
WITHDRAWN = b"""acco/global/ACCO/TEXT/00/00/53/43/10/ACCOTEXT000053431098
acco/global/bureautique//2025/12/22/T02826061367-38245605100004.docx
"""
FOLDER = "20260424-063142/acco/global"


def delivery(path: Path, *documents: tuple[str, bytes]) -> Path:
    """Write an archive with the office documents and the list that deliveries carry."""
    others = [
        (f"{FOLDER}/bureautique/2026/04/21/T06926061367-32509072800057.docx", b"PK\x03\x04"),
        ("20260424-063142/liste_suppression_acco.dat", WITHDRAWN),
    ]
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (*others, *documents):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def read(work: Path, *documents: tuple[str, bytes]) -> Read:
    packed = delivery(work / "ACCO_20260424-063142.tar.gz", *documents)
    assert RESOURCE.members is not None
    lines = (str(RESOURCE.lines), str(RESOURCE.records))
    path = unpack_documents(packed, work / "unpacked", RESOURCE.members, lines=lines)
    result = read_resource(RESOURCE, [path], work=work / "out")
    typed = pl.read_parquet(result.path)
    return Read(result, typed, normalised("acco", typed))


def bundled() -> list[tuple[str, bytes]]:
    shard = f"{FOLDER}/ACCO/TEXT/00/00/53/93/56"
    return [(f"{shard}/{path.name}", path.read_bytes()) for path in FILES]


@pytest.fixture
def done(tmp_path: Path) -> Read:
    return read(tmp_path, *bundled())


def test_table_is_as_described_and_does_not_depend_on_order(done: Read) -> None:
    described = DATASET.described_columns("acco__agreements")
    assert [*done.table.schema.items(), ("source_id", pl.String)] == [
        (column.name, DTYPES[column.type]) for column in described
    ]
    mixed = done.typed.sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(normalised("acco", mixed), done.table)


def test_golden_agreement_of_a_real_company(done: Read) -> None:
    (row,) = done.table.filter(agreement_id="ACCOTEXT000053935667").to_dicts()
    assert row == {
        "agreement_id": "ACCOTEXT000053935667",
        "numero": None,
        "nature": "ACCORD",
        "titre": "ACCORD COLLECTIF FORMALISANT LE REGIME DE REMBOURSEMENT DES FRAIS DE SANTE AINSI "
        'QUE LE REGIME DE PREVOYANCE LOURDE "INCAPACITE - INVALIDITE - DECES" DE LA SOCIETE '
        "CLAYENS GENAS",
        "siret": "32509072800057",
        "siren": "325090728",
        "raison_sociale": None,
        "code_ape": None,
        "code_idcc": None,
        "code_postal": None,
        "theme_codes": "112",
        "themes": "Prévoyance collective, autre que santé maladie",
        "date_texte": None,
        "date_depot": date(2026, 3, 26),
        "date_effet": date(2026, 4, 1),
        "date_fin": None,
        "withdrawn": False,
        "url": "https://www.legifrance.gouv.fr/acco/id/ACCOTEXT000053935667",
        "record_key": "ACCOTEXT000053935667",
        "publication_date": date(2026, 4, 24),
    }


def test_only_the_metadata_are_read_of_an_archive(done: Read) -> None:
    assert done.result.read == 3 + len(WITHDRAWN.splitlines())
    assert done.table["withdrawn"].to_list() == [True, False, False, False]


def test_several_themes(done: Read) -> None:
    (row,) = done.table.filter(agreement_id="ACCOTEXT000099999901").to_dicts()
    assert (row["theme_codes"], row["themes"]) == ("060,051", "Télétravail | Intéressement")
    assert row["titre"] == 'Avenant à l\'accord "Télétravail"'
    assert (row["nature"], row["date_fin"]) == ("AVENANT", date(2026, 12, 31))


def test_wrong_siret_and_named_person_are_left_out(done: Read) -> None:
    (row,) = done.table.filter(agreement_id="ACCOTEXT000099999902").to_dicts()
    assert (row["siret"], row["siren"], row["titre"]) == (None, None, None)
    assert row["nature"] == "DENONCIATION"


def test_agreement_delivered_again_takes_the_place_of_the_former(tmp_path: Path) -> None:
    ((name, first), *_) = bundled()
    later = first.replace(b"2026-04-24", b"2026-05-01").replace(b"2999-01-01", b"2027-03-31")
    again = (name.replace("/53/93/56/", "/53/93/57/"), later)
    (row,) = read(tmp_path, (name, first), again).table.filter(withdrawn=False).to_dicts()
    assert (row["publication_date"], row["date_fin"]) == (date(2026, 5, 1), date(2027, 3, 31))


def test_withdrawn_agreement_is_its_id_alone(tmp_path: Path) -> None:
    ((name, first), *_) = bundled()
    gone = first.replace(b"ACCOTEXT000053935667", b"ACCOTEXT000053431098")
    (row,) = read(tmp_path, (name, gone)).table.to_dicts()
    told = {name for name, value in row.items() if value is not None}
    assert told == {"agreement_id", "withdrawn", "url", "record_key"}
    assert (row["agreement_id"], row["withdrawn"]) == ("ACCOTEXT000053431098", True)


def test_nothing_of_the_signatories_is_kept(done: Read) -> None:
    text = done.table.write_csv()
    assert "SIGNATAIRE" not in text
    assert "Martin" not in text
