"""Who publishes a dataset, and under which licence, as a ``dataset.yml`` says it.

Belongs here: what has to be named wherever data are shown, and the base of every description.
Does not belong here: the rest of a description (:mod:`opendata.catalogue`), the texts that are
shown (:mod:`opendata.attribution`).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of every description: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Publisher(Model):
    """Who publishes the dataset, as it must be named in the attribution."""

    name: str
    long_name: str
    url: str


class Licence(Model):
    """The licence of the dataset; ``id`` is the portal's own id (``lov2`` …).

    Without ``republication`` the data may be used here, and nothing that is exported may cite them.
    """

    id: str
    title: str
    url: str
    republication: bool = True
