"""The data class of each column that no ``dataset.yml`` describes, in this layer.

Belongs here: refused rows, sources, states of sources. Columns of datasets carry theirs
(``personal`` in ``dataset.yml``); those of leads and signals stand in their own layers.
"""

from __future__ import annotations

from collections.abc import Mapping

from opendata.catalogue import Personal

#: Table → column → class. A refused value may be the number of a sole trader.
CLASSES: Mapping[str, Mapping[str, Personal]] = {
    "quarantine": {
        "resource": "none",
        "file": "none",
        "line": "none",
        "column": "none",
        "rule": "none",
        "value": "sole_trader",
    },
    "sources": {
        "source_id": "none",
        "dataset": "none",
        "title": "none",
        "publisher": "none",
        "publisher_url": "none",
        "landing_page": "none",
        "licence_id": "none",
        "licence_title": "none",
        "licence_url": "none",
        "publication_date": "none",
        "fetched_at": "none",
        "attribution": "none",
    },
    "source_status": {
        "dataset": "none",
        "state": "none",
        "publication_date": "none",
        "last_checked": "none",
        "message": "none",
    },
    # The numbers in ``facts`` are keyed hashes: without the key they are nobody's.
    "record": {
        "number": "none",
        "at": "none",
        "kind": "none",
        "facts": "none",
        "form": "none",
        "first": "none",
        "previous": "none",
        "hash": "none",
    },
}
