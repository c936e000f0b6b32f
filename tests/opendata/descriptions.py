"""Descriptions of datasets for the tests, built like a ``dataset.yml``."""

from __future__ import annotations

from typing import Any

from opendata.catalogue import Dataset

COLUMN = {"name": "siren", "type": "code", "fr": "SIREN", "en": "SIREN"}


def resource(name: str = "stock", **changes: Any) -> dict[str, Any]:
    if changes.get("format") == "xml":
        changes = {"records": "listeAvis/avis", **changes}
    return {"name": name, "id": f"id-{name}", "format": "csv", "columns": [COLUMN], **changes}


def window(**changes: Any) -> dict[str, Any]:
    declared = {"field": "dateparution", "overlap_days": 2, "first_days": 30, "empty_ok_days": 3}
    return {**declared, **changes}


def dataset(*resources: dict[str, Any], **changes: Any) -> Dataset:
    return Dataset.model_validate(
        {
            "name": "essai",
            "title": "Essai",
            "title_en": "Test",
            "description": "Un essai",
            "description_en": "A test",
            "publisher": {"name": "Insee", "long_name": "Insee", "url": "https://www.insee.fr"},
            "portal": "datagouv",
            "host": "https://www.data.gouv.fr",
            "dataset_id": "d1",
            "landing_page": "https://www.data.gouv.fr/datasets/d1",
            "licence": {"id": "lov2", "title": "Licence Ouverte 2.0", "url": "https://x.example"},
            "attribution": "Insee, {date}",
            "cadence": {
                "frequency": "monthly",
                "cron": "0 8 1 * *",
                "warn_after_days": 35,
                "fail_after_days": 70,
            },
            "kind": "snapshot",
            "contains_personal_data": False,
            "personal_data_note": "none",
            "resources": list(resources) or [resource()],
            "tables": {},
            **changes,
        }
    )
