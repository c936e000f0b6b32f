"""DiDo, the statistics portal of the ministry in charge of ecology (SDES).

Belongs here: dataset metadata and the address of the CSV of a data file's latest vintage.
Does not belong here: reading the CSV.
"""

from __future__ import annotations

from typing import Any

from opendata.catalogue import Dataset, Resource
from opendata.errors import PortalError
from opendata.http import Http, MissingError
from opendata.remote import (
    DateWindow,
    RemoteFile,
    ResourceGoneError,
    count,
    instant,
    published,
    safe_name,
    understood,
    with_query,
)

Json = dict[str, Any]

#: Without these flags the file has two header lines: labels, then names.
_FLAGS = {
    "withColumnName": "true",
    "withColumnDescription": "false",
    "withColumnUnit": "false",
}
_LOOK = "look at the page of the dataset; what is published here stays as it is"


class Dido:
    """The portal; licence and dates stand on the dataset, vintages on its data files."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @understood()
    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`."""
        base = f"{dataset.host}/dido/api/v1"
        try:
            whole = self._http.get_json(f"{base}/datasets/{dataset.dataset_id}")
        except MissingError as error:
            raise PortalError(
                f"the dataset {dataset.dataset_id} no longer exists", next_step=_LOOK
            ) from error
        listed = whole.get("datafiles") if isinstance(whole, dict) else None
        if not isinstance(listed, list):
            raise PortalError("the portal's answer is not a dataset", next_step=_LOOK)
        found = next((file for file in listed if file.get("rid") == resource.id), None)
        if found is None:
            raise ResourceGoneError(
                f"the data file {resource.id} vanished from the dataset", next_step=_LOOK
            )
        vintage = _latest(found)
        query = {**_FLAGS, "millesime": vintage["millesime"], **resource.query}
        modified = instant(
            found.get("last_modified") or whole.get("last_update") or whole.get("last_modified")
        )
        title = f"{found.get('title') or resource.id} ({vintage['millesime']})"
        return RemoteFile(
            portal="dido",
            dataset_id=dataset.dataset_id,
            resource_id=resource.id,
            url=with_query(f"{base}/datafiles/{resource.id}/csv", query),
            title=title,
            licence_id=str(whole.get("license") or "notspecified"),
            format="csv",
            file_name=f"{safe_name(resource.name, 'data')}.{vintage['millesime']}.csv",
            publisher_date=published(title, modified, window),
            last_modified=modified,
            # A filter in the query makes the announced count that of another file.
            rows_expected=None if resource.query else count(vintage.get("rows")),
            window=window,
        )


def _latest(datafile: Json) -> Json:
    vintages = [v for v in datafile.get("millesimes") or [] if v.get("millesime")]
    if not vintages:
        raise PortalError("the data file has no vintage", next_step=_LOOK)
    return max(vintages, key=lambda vintage: str(vintage["millesime"]))
