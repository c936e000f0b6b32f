from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from descriptions import dataset, resource
from loopback import Loopback, Reply, fast_http, loopback

from opendata.errors import PortalError, SettingsError
from opendata.portals import portals
from opendata.portals.dila import Dila
from opendata.remote import DateWindow, RemoteFile, ResourceGoneError

HOST = "echanges.dila.gouv.fr"
PATH = f"/{HOST}/OPENDATA/BODACC/2026/"
PAGE = b"""<html><head><title>Index of /OPENDATA/BODACC/2026</title></head><body><pre>
<img src="/icons/blank.gif"> <a href="?C=N;O=D">Name</a>  <a href="?C=M;O=A">Last modified</a>
<img src="/icons/back.gif"> <a href="/OPENDATA/BODACC/">Parent Directory</a>      -
<a href="FluxHistorique/">FluxHistorique/</a>            2026-01-02 06:00    -
<a href="PCL_BXA20260002.taz">PCL_BXA20260002.taz</a>    2026-01-05 06:10  210K
<a href="RCS-A_BXA20260001.taz">RCS-A_BXA20260001.taz</a>  2026-01-02 06:10  1.2M
<tr><td><a href="RCS-A_BXA20260002.taz">RCS-A_..</a></td><td>2026-01-05 06:10  </td></tr>
<a href="lisez-moi.txt">lisez-moi.txt</a>          2025-12-31 23:59  1K
</pre></body></html>"""
PATTERN = r"RCS-A_BXA\d{8}\.taz"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        running.script(PATH, Reply(200, PAGE, {"Content-Type": "text/html"}))
        yield running


def listing(
    server: Loopback, period: DateWindow | None = None, pattern: str | None = PATTERN
) -> tuple[RemoteFile, ...]:
    described = folder(pattern)
    with fast_http(server, HOST) as http:
        return Dila(http).listing(described, described.resources[0], period)


def folder(pattern: str | None = PATTERN, path: str = "OPENDATA/BODACC/2026") -> Any:
    fields = {
        "id": path,
        "format": "xml",
        "archive": "taz",
        "title_pattern": pattern,
    }
    return dataset(resource(**fields), portal="dila", host=f"https://{HOST}")


def test_the_files_of_the_folder_that_match(server: Loopback):
    first, second = listing(server)
    assert first.url == f"https://{HOST}/OPENDATA/BODACC/2026/RCS-A_BXA20260001.taz"
    assert first.resource_id == "OPENDATA/BODACC/2026/RCS-A_BXA20260001.taz"
    assert first.publisher_date == date(2026, 1, 2)
    assert second.file_name == "RCS-A_BXA20260002.taz"
    assert [found.title for found in listing(server, pattern=None)] == [
        "PCL_BXA20260002.taz",
        "RCS-A_BXA20260001.taz",
        "RCS-A_BXA20260002.taz",
    ]


def test_the_window_is_on_the_day_of_the_listing(server: Loopback):
    [found] = listing(server, DateWindow(date(2026, 1, 3), date(2026, 1, 5)))
    assert found.title == "RCS-A_BXA20260002.taz"


def test_exactly_one_file_is_described(server: Loopback):
    described = folder()
    with fast_http(server, HOST) as http:
        portal = portals(http)["dila"]
        day = DateWindow(date(2026, 1, 2), date(2026, 1, 2))
        assert portal.describe(described, described.resources[0], day).title.endswith("0001.taz")
        with pytest.raises(PortalError, match="2 files match"):
            portal.describe(described, described.resources[0], None)
        quiet = DateWindow(date(2026, 1, 3), date(2026, 1, 4))
        with pytest.raises(ResourceGoneError, match="no file"):
            portal.describe(described, described.resources[0], quiet)


def test_a_folder_a_year_is_read_for_each_year_of_the_window(server: Loopback):
    old = PAGE.replace(b"2026", b"2025").replace(b"2025-01-02 06:10", b"2025-12-31 06:10")
    server.script(PATH.replace("2026", "2025"), Reply(200, old, {"Content-Type": "text/html"}))
    described = folder(path="OPENDATA/BODACC/{year}")
    with fast_http(server, HOST) as http:
        period = DateWindow(date(2025, 12, 20), date(2026, 1, 4))
        found = Dila(http).listing(described, described.resources[0], period)
        assert [one.url.removeprefix(f"https://{HOST}/OPENDATA/BODACC/") for one in found] == [
            "2025/RCS-A_BXA20250001.taz",
            "2026/RCS-A_BXA20260001.taz",
        ]
        with pytest.raises(SettingsError, match="a folder a year and no window"):
            Dila(http).listing(described, described.resources[0], None)


def test_a_page_without_files_is_an_error(server: Loopback):
    server.script(PATH, Reply(200, b"<html>maintenance</html>"))
    with pytest.raises(PortalError, match="lists no file"):
        listing(server)
    server.script(PATH, Reply(404))
    with pytest.raises(PortalError, match="is gone"):
        listing(server)
