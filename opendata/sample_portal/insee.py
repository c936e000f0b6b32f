"""The INSEE API Sirene 3.11.

Belongs here: ``/informations``, and the days of ``/siren``, ``/siret`` and
``/siret/liensSuccession`` by cursor, in the shapes that were recorded. Does not belong here: any
other query of the API, which is refused as it refuses what it does not understand.

At a date the API has what was treated up to the evening before: it is brought up to date in the
morning. A record stands in several files; the last treatment up to the date is what it shows.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from opendata.sample_portal.answers import Answer, Question, as_json
from opendata.sample_portal.vintages import RegisterApi

HOST = "api.insee.fr"
KEY_HEADER = "x-insee-api-key-integration"
#: The API is brought up to date around seven in the morning.
_MORNING = time(7, 0, 12)
_PREFIX = "/api-sirene/3.11/"
_LARGEST = 1000
Json = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """One service: its list in an answer, its collection, its date and its sort key."""

    listed: str
    collection: str
    treated: str
    key: tuple[str, ...]


SERVICES = {
    "siren": Service(
        "unitesLegales", "Unités Légales", "dateDernierTraitementUniteLegale", ("siren",)
    ),
    "siret": Service(
        "etablissements", "Établissements", "dateDernierTraitementEtablissement", ("siret",)
    ),
    "siret/liensSuccession": Service(
        "liensSuccession",
        "Liens de succession",
        "dateDernierTraitementLienSuccession",
        ("siretEtablissementPredecesseur", "siretEtablissementSuccesseur", "dateLienSuccession"),
    ),
}


class InseeApi:
    """The services over the files of a folder, at a date."""

    def __init__(
        self, folder: Path, described: RegisterApi, as_of: Callable[[], date | None]
    ) -> None:
        self._folder = folder
        self._described = described
        self._as_of = as_of
        self._kept: dict[str, list[Json]] = {}
        self._shown: tuple[tuple[str, date | None], dict[str, list[Json]]] = (("", None), {})

    def answer(self, question: Question) -> Answer:
        """Answer one request."""
        if not question.headers.get(KEY_HEADER):
            return as_json({"message": "Unauthorized", "http_status_code": 401}, 401)
        service = question.path.removeprefix(_PREFIX)
        if service == "informations":
            return as_json(self._informations())
        if service not in SERVICES:
            return _refusal(404, "Ressource inconnue")
        return self._page(SERVICES[service], service, question)

    def _informations(self) -> Json:
        day = self._as_of() or datetime.now(UTC).date()
        ready = datetime.combine(day, _MORNING).isoformat(timespec="milliseconds")
        return {
            "header": {"statut": 200, "message": "OK"},
            "etatService": "UP",
            "versionService": "3.11.18",
            "datesDernieresMisesAJourDesDonnees": [
                {
                    "collection": service.collection,
                    "dateDerniereMiseADisposition": ready,
                    "dateDernierTraitementMaximum": self._latest(name, service),
                    "dateDernierTraitementDeMasse": None,
                }
                for name, service in SERVICES.items()
            ],
        }

    def _read(self, name: str, service: Service) -> list[Json]:
        """Return every record of a service in the order of its treatment, read once."""
        if name not in self._kept:
            files = self._described.files.get(name, ())
            text = "".join((self._folder / file).read_text(encoding="utf-8") for file in files)
            found: list[Json] = [json.loads(line) for line in text.splitlines()]
            self._kept[name] = sorted(found, key=lambda record: record[service.treated])
        return self._kept[name]

    def _days(self, name: str, service: Service) -> dict[str, list[Json]]:
        """Return day → records last treated on it before the date, in the order of their key."""
        until = self._as_of()
        seen = (name, until)
        if self._shown[0] != seen:
            last = {
                tuple(str(record.get(part) or "") for part in service.key): record
                for record in self._read(name, service)
                if until is None or record[service.treated] < until.isoformat()
            }
            days: dict[str, list[Json]] = {}
            for key in sorted(last):
                days.setdefault(last[key][service.treated][:10], []).append(last[key])
            self._shown = (seen, days)
        return self._shown[1]

    def _latest(self, name: str, service: Service) -> str | None:
        days = self._days(name, service)
        return (
            max((one[service.treated] for one in days[max(days)]), default=None) if days else None
        )

    def _page(self, service: Service, name: str, question: Question) -> Answer:
        asked = re.fullmatch(rf"{service.treated}:(\d{{4}}-\d\d-\d\d)", question.one("q") or "")
        if asked is None:
            return _refusal(400, "Erreur de syntaxe dans le paramètre q=")
        matching = self._days(name, service).get(asked[1], [])
        if not matching:
            return _refusal(404, "Aucun élément trouvé")
        number = min(int(question.one("nombre") or 20), _LARGEST)
        cursor = question.one("curseur")
        start = 0 if cursor in (None, "*") else _decoded(str(cursor))
        page = matching[start : start + number]
        header: Json = {"statut": 200, "message": "OK", "total": len(matching), "debut": 0}
        header["nombre"] = len(page)
        if cursor is not None:
            header["curseur"] = cursor
            header["curseurSuivant"] = _encoded(start + len(page)) if page else cursor
        rows = [_chosen(record, question.one("champs")) for record in page]
        return as_json({"header": header, service.listed: rows})


def _encoded(place: int) -> str:
    return base64.b64encode(f"after {place}".encode()).decode()


def _decoded(cursor: str) -> int:
    return int(base64.b64decode(cursor).decode().removeprefix("after "))


def _chosen(record: Json, champs: str | None) -> Json:
    """Return the fields asked for, in the groups in which they stand."""
    if champs is None:
        return record
    wanted = set(champs.split(","))

    def kept(value: Json) -> Json:
        chosen = {name: _inside(one) for name, one in value.items()}
        return {
            name: one
            for name, one in chosen.items()
            if name in wanted or (isinstance(one, dict | list) and one)
        }

    def _inside(value: Any) -> Any:
        if isinstance(value, dict):
            return kept(value)
        return [kept(one) for one in value] if isinstance(value, list) else value

    return kept(record)


def _refusal(status: int, message: str) -> Answer:
    return as_json({"header": {"statut": status, "message": message}}, status)
