"""Why a reading ended; each message says what to do.

Belongs here: the failures of the reader. None quotes the values of a row.
"""

from __future__ import annotations


class ReaderError(Exception):
    """A reading that did not take place; what is kept is as it was, or a whole segment further."""


class FetchError(ReaderError):
    """The place of the feed does not answer; try again later."""


class MissingError(ReaderError):
    """A file is not there."""


class StaleError(ReaderError):
    """A file is missing or is not the one described: a publication came in between."""


class StopError(ReaderError):
    """The feed says something that this reader does not know; a person must look."""
