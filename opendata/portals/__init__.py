"""One module per kind of portal.

Belongs here: the kinds by name. Each module knows the addresses and the answers of its
kind and nothing of transfers or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from opendata.http import Http
from opendata.portals.agencebio import AgenceBio
from opendata.portals.datafair import DataFair
from opendata.portals.datagouv import DataGouv
from opendata.portals.dido import Dido
from opendata.portals.dila import Dila
from opendata.portals.inpi import Inpi
from opendata.portals.insee import Insee
from opendata.portals.opendatasoft import Opendatasoft
from opendata.remote import Portal


def portals(
    http: Http,
    *,
    insee_api_key: str | None = None,
    inpi_account: tuple[str | None, str | None] = (None, None),
    today: date | None = None,
) -> Mapping[str, Portal]:
    """Return a portal of each kind that ``dataset.yml`` may name, all on one client."""
    return {
        "datagouv": DataGouv(http),
        "opendatasoft": Opendatasoft(http),
        "datafair": DataFair(http),
        "dido": Dido(http),
        "insee": Insee(http, insee_api_key),
        "dila": Dila(http),
        "inpi": Inpi(http, *inpi_account),
        "agencebio": AgenceBio(http, today),
    }
