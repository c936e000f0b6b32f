"""A consumer of the feed for programs outside the pipeline: reads, checks, keeps, says what to do.

Belongs here: the whole of what a consumer needs, on the standard library and pyarrow alone; it
imports nothing else of this project, and is packaged on its own (``clients/python``). Does not
belong here: writing the feed.

Usage:
    ``for task in tasks(Feed.at("https://…/accounts/acme"), State(Path("state.db"))): …``
"""

from signals.reader.acknowledge import Said, acknowledge, report_cursor
from signals.reader.errors import FetchError, MissingError, ReaderError, StaleError, StopError
from signals.reader.feed import Batch, Feed
from signals.reader.fetch import Fetch, fetcher
from signals.reader.state import Change, State
from signals.reader.work import Rule, Task, catch_up, tasks

__all__ = [
    "Batch",
    "Change",
    "Feed",
    "Fetch",
    "FetchError",
    "MissingError",
    "ReaderError",
    "Rule",
    "Said",
    "StaleError",
    "State",
    "StopError",
    "Task",
    "acknowledge",
    "catch_up",
    "fetcher",
    "report_cursor",
    "tasks",
]
