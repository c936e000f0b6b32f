"""BOAMP: four notices of November 2025, their content cut to what identifies a buyer.

Belongs here: the list of allowed fields. The contents of notices hold e-mails, telephone numbers and
names: of each organisation only its number in the notice, its name and its identifier are kept, of the
procedure its CPV code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FIELDS = (
    "idweb", "id", "contractfolderid", "famille", "code_departement", "dateparution",
    "datefindiffusion", "datelimitereponse", "nomacheteur", "type_procedure", "nature", "sousnature",
    "etat", "descripteur_code", "dc", "type_marche", "type_avis", "annonce_lie", "source_schema",
    "url_avis",
)  # fmt: skip
Json = dict[str, Any]


def read(path: Path) -> list[Json]:
    """Return the notices under the allowed fields, oldest first."""
    kept = []
    for one in json.loads(path.read_text(encoding="utf-8")):
        fields = one["raw_fields"]
        notice = {name: fields.get(name) for name in FIELDS}
        (form,) = json.loads(fields["donnees"])["EFORMS"].items()
        cut = {"EFORMS": {form[0]: _cut(form[1])}}
        kept.append({**notice, "donnees": json.dumps(cut, ensure_ascii=False)})
    return sorted(kept, key=lambda notice: (notice["dateparution"], notice["idweb"]))


def _cut(form: Json) -> Json:
    content = form["ext:UBLExtensions"]["ext:UBLExtension"]["ext:ExtensionContent"]
    known = content["efext:EformsExtension"]["efac:Organizations"]["efac:Organization"]
    parties = known if isinstance(known, list) else [known]
    cut = [
        {
            "efac:Company": {
                name: party["efac:Company"][name]
                for name in ("cac:PartyIdentification", "cac:PartyName", "cac:PartyLegalEntity")
                if name in party["efac:Company"]
            }
        }
        for party in parties
    ]
    buyer = form["cac:ContractingParty"]["cac:Party"]["cac:PartyIdentification"]
    code = form["cac:ProcurementProject"]["cac:MainCommodityClassification"]
    return {
        "ext:UBLExtensions": {
            "ext:UBLExtension": {
                "ext:ExtensionContent": {
                    "efext:EformsExtension": {"efac:Organizations": {"efac:Organization": cut}}
                }
            }
        },
        "cbc:ContractFolderID": form.get("cbc:ContractFolderID"),
        "cac:ContractingParty": {"cac:Party": {"cac:PartyIdentification": buyer}},
        "cac:ProcurementProject": {"cac:MainCommodityClassification": code},
    }


def build(notices: list[Json]) -> dict[str, bytes]:
    """Return path below the sample → content, one file a day."""
    files: dict[str, bytes] = {}
    for notice in notices:
        path = f"boamp/{notice['dateparution']}.jsonl"
        line = json.dumps(notice, ensure_ascii=False) + "\n"
        files[path] = files.get(path, b"") + line.encode()
    return files
