"""Errors an operator can act on.

Belongs here: the tree of failures that stop a dataset. Each one says where it
happened and what to do next, in one paragraph; none carries personal data.
"""

from __future__ import annotations


class OpenDataError(Exception):
    """A failure that stops one dataset and leaves what is published untouched.

    Usage:
        ``raise DownloadError("checksum differs: …", next_step="run `fetch bodacc` again",
        dataset="bodacc", resource="annonces-commerciales", file="bodacc.json")``

    Attributes:
        what: what happened, a sentence without final stop.
        next_step: what the operator can do, an imperative sentence without final stop.
        dataset: name of the dataset (its folder under ``assets/``), if known.
        resource: name of the resource within the dataset, if known.
        file: name of the file, never a path with a person's name in it, if known.
    """

    def __init__(
        self,
        what: str,
        *,
        next_step: str,
        dataset: str | None = None,
        resource: str | None = None,
        file: str | None = None,
    ) -> None:
        self.what = what
        self.next_step = next_step
        self.dataset = dataset
        self.resource = resource
        self.file = file
        super().__init__(what)

    def located(
        self, *, dataset: str | None = None, resource: str | None = None, file: str | None = None
    ) -> OpenDataError:
        """Fill in the place that a lower layer did not know; what is known stays."""
        self.dataset = self.dataset or dataset
        self.resource = self.resource or resource
        self.file = self.file or file
        return self

    def __str__(self) -> str:
        place = ", ".join(
            f"{label} {value}"
            for label, value in (
                ("dataset", self.dataset),
                ("resource", self.resource),
                ("file", self.file),
            )
            if value
        )
        head = f"{place}: {self.what}" if place else self.what
        return f"{head}. What to do: {self.next_step}."


class PortalError(OpenDataError):
    """A portal answered something else than its documented answer, or not at all."""


class DownloadError(OpenDataError):
    """A file did not arrive whole, or is not what the portal says it is."""


class AddressError(OpenDataError):
    """An address that must not be contacted: wrong scheme, host or network."""


class ArchiveError(OpenDataError):
    """An archive that is broken or dangerous to open."""


class ContractError(OpenDataError):
    """A file whose columns or encoding differ from ``dataset.yml``."""


class LicenceError(OpenDataError):
    """A dataset whose licence changed, is unknown, or is not open."""


class QualityError(OpenDataError):
    """A version that failed a gate and is therefore not published."""


class StateError(OpenDataError):
    """The state kept under the data folder is not what it must be."""


class SettingsError(OpenDataError):
    """A setting, a ``dataset.yml`` or a key that cannot be used as it is."""
