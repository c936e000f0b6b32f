"""A window answered by several files of a folder: fetched, kept apart, built as one, fetched on.

The mirror of DILA is a real loopback server; its files are issues of bulletin B, *synthetic*, in
the layout of its schemas, and the real issue of bulletin A.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from loopback import Loopback, Reply, fast_http, loopback

from assets.bodacc import normalise as bodacc
from opendata.catalogue import Dataset
from opendata.clock import Clock
from opendata.errors import OpenDataError, PortalError
from opendata.fetched import load_fetched
from opendata.ingest import Source, build
from opendata.mirrors import load_mirror
from opendata.portals import portals
from opendata.take import Client, take
from opendata.versions import TableStore

ROOT = Path(__file__).parents[2]
HOST = "echanges.dila.gouv.fr"
FOLDER = f"/{HOST}/OPENDATA/BODACC/2021/"
REAL = ROOT / "tests/data/bodacc/RCS-A_BXA20210005.taz"
ISSUES = ("RCS-B_BXB20210004.taz", "RCS-B_BXB20210005.taz")
LATER = "RCS-B_BXB20210006.taz"
DAYS = {
    **dict(zip(ISSUES, ("2021-01-07", "2021-01-08"), strict=True)),
    LATER: "2021-02-08",
    REAL.name: "2021-01-08",
}
FIRST, SECOND = date(2021, 2, 5), date(2021, 2, 9)


def mirror() -> Dataset:
    """Return the description of the mirror without the kinds of notices not served here."""
    whole = load_mirror(ROOT / "assets/bodacc", "dila")
    kept = tuple(one for one in whole.resources if one.name in ("rcs-a", "rcs-b"))
    return whole.model_copy(update={"resources": kept})


def packed(name: str, day: str) -> bytes:
    """Return an issue of bulletin B with one modification of DANONE."""
    document = (
        f"<RCS-B_REDIFF><parution>{name[9:17]}</parution><dateParution>{day}"
        "</dateParution><listeAvis><avis><typeAnnonce><annonce/></typeAnnonce><numeroAnnonce>1"
        "</numeroAnnonce><personnes><personne><personneMorale><denomination>DANONE</denomination>"
        "</personneMorale><numeroImmatriculation><numeroIdentificationRCS>552 032 534"
        "</numeroIdentificationRCS></numeroImmatriculation></personne></personnes>"
        "<modificationsGenerales><descriptif>Modification survenue sur le capital.</descriptif>"
        "</modificationsGenerales></avis></listeAvis></RCS-B_REDIFF>"
    ).encode()
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as tar:
        entry = tarfile.TarInfo(name.replace(".taz", ".xml"))
        entry.size = len(document)
        tar.addfile(entry, io.BytesIO(document))
    return gzip.compress(tape.getvalue(), mtime=0)


def serve(server: Loopback, *names: str) -> None:
    lines = "".join(
        f'<a href="{name}">{name}</a>  {DAYS[name]} 06:10  1K\n' for name in (*names, REAL.name)
    )
    server.script(FOLDER, Reply(200, lines.encode(), {"Content-Type": "text/html"}))
    server.script(FOLDER + REAL.name, Reply(200, REAL.read_bytes()))
    for name in names:
        server.script(FOLDER + name, Reply(200, packed(name, DAYS[name])))


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        serve(running, *ISSUES)
        yield running


def run(server: Loopback, tmp_path: Path, day: date) -> TableStore:
    source = Source(mirror(), bodacc.CODE_VERSION, normalise=bodacc.normalise)
    store = TableStore(tmp_path)
    with fast_http(server, HOST) as http:
        client = Client(http, portals(http))
        take(source, store, Clock.at(day), lambda _host: nullcontext(client))
    build(source, store, Clock.at(day))
    return store


def modifications(store: TableStore) -> list[str]:
    rows = store.scan("bodacc__modifications").select("notice_id").collect()
    return sorted(rows["notice_id"])


def test_every_file_of_the_window_is_kept_and_read(server: Loopback, tmp_path: Path) -> None:
    store = run(server, tmp_path, FIRST)
    fetched = load_fetched(tmp_path, "bodacc")
    assert list(fetched.receipts) == [
        "rcs-a/RCS-A_BXA20210005.taz",
        "rcs-b/RCS-B_BXB20210004.taz",
        "rcs-b/RCS-B_BXB20210005.taz",
    ]
    for receipt in fetched.receipts.values():
        assert receipt.verify(tmp_path).name == receipt.file
    assert modifications(store) == ["B202100041", "B202100051"]
    assert store.scan("bodacc__sales").select(pl.len()).collect().item() == 28
    (version,) = store.state("bodacc").versions
    assert [one.resource for one in version.inputs] == list(fetched.receipts)
    assert (version.read, version.publisher_date) == (62, date(2021, 1, 8))


def test_the_next_window_begins_after_the_latest_file(server: Loopback, tmp_path: Path) -> None:
    run(server, tmp_path, FIRST)
    serve(server, *ISSUES, LATER)
    store = run(server, tmp_path, SECOND)
    second = store.state("bodacc").versions[-1]
    # Three days are asked again before the last file that was there, that of 8 January.
    assert (second.window_from, second.window_to) == (date(2021, 1, 5), SECOND)
    assert modifications(store) == ["B202100041", "B202100051", "B202100061"]


def test_a_damaged_file_stops_the_dataset_and_is_named(server: Loopback, tmp_path: Path) -> None:
    whole = packed("RCS-B_BXB20210005.taz", "08")
    server.script(FOLDER + "RCS-B_BXB20210005.taz", Reply(200, whole[: len(whole) // 2]))
    with pytest.raises(OpenDataError, match=r"RCS-B_BXB20210005\.taz"):
        run(server, tmp_path, FIRST)
    assert TableStore(tmp_path).current("bodacc") is None


def test_a_window_without_files_is_an_error_and_not_an_empty_day(
    server: Loopback, tmp_path: Path
) -> None:
    with pytest.raises(PortalError, match="no file of the folder matches"):
        run(server, tmp_path, date(2021, 6, 1))
