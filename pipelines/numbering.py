"""From which number the streams go on after a restore.

Belongs here: the highest number that anybody may have read, and telling the restored log. Does
not belong here: what a stream does above it (``signals.feed.publication``), fetching and showing
a copy (``restore``).

A copy is older than what was published from its folder: numbers given since, given again to
other rows, would be passed over by whoever has read up to them. So all streams go on above every
number that is known: to the copy, to the folder as it stands, to the mirror. Where these are
lost, the clock stands in: no stream gives a thousand numbers a second for long, so that the
milliseconds since 1970 are ahead of any number given up to now, earlier restores included.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from assets.workspace import Workspace
from opendata.errors import SettingsError, StateError
from opendata.stores import Store, StoreError
from signals.feed import manifest
from signals.feed.remote import adopt
from signals.identity import sequence_text


def go_on_above(here: Workspace, there: Workspace) -> bool:
    """Number what the restored folder publishes from now on above all that was given.

    Args:
        here: the data folder as it stands, or what is left of it.
        there: the copy, not shown yet.

    Returns:
        Whether there is a mirror that could not be read.

    Raises:
        StateError: the log or a manifest of the copy cannot be read.
    """
    published = int(manifest.read(there.exports / "company").max_sequence)
    known = [0, *_given(there)]
    # Damage may be why a copy is brought back: what cannot be read is passed over.
    known.extend(_given(here, StateError, ValueError, TypeError))
    unread = False
    try:
        known.extend(_mirrored(here, there.data_dir / "mirror"))
    except (StoreError, SettingsError):
        unread = True
    milliseconds = int(here.clock.now().timestamp() * 1000)
    # One more, for a cursor at the last number given is to fall behind as well.
    floor = max(max(known) + 1, milliseconds)
    there.log.go_on_above(floor, sequence_text(published))
    return unread


def _given(workspace: Workspace, *passed_over: type[Exception]) -> Iterator[int]:
    """Yield the last number of the log and of each stream of a folder."""
    with suppress(*passed_over):
        state = workspace.log.state()
        yield max(state.next_sequence - 1, state.floor)
    for path in sorted(workspace.exports.rglob(manifest.NAME)):
        with suppress(*passed_over):
            yield int(manifest.read(path.parent).max_sequence)


def _mirrored(here: Workspace, notes: Path) -> list[int]:
    if here.export_to is None:
        return []
    return list(adopt(Store.open(here.export_to, os.environ), notes).values())
