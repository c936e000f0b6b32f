"""YAML that an operator wrote, without the means to blow it up.

Belongs here: reading it safely. Does not belong here: what it says.
"""

from __future__ import annotations

from typing import Any

import yaml

#: What reading raises: PyYAML itself fails on 31 February, and in several ways.
NOT_YAML = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
)
#: Values a file may stand for, those that aliases repeat counted each time.
VALUES = 200_000


def require_bounded(content: bytes | str) -> None:
    """Refuse YAML whose aliases stand for more than a memory holds, or for themselves.

    Raises:
        yaml.YAMLError: it has such aliases, or is no YAML.
    """
    sizes: dict[str, int] = {}
    counts, anchors = [0], [""]
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            counts[-1] += sizes.get(event.anchor or "", VALUES + 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            counts.append(1)
            anchors.append(event.anchor or "")
        elif isinstance(event, yaml.CollectionEndEvent):
            inside = counts.pop()
            sizes[anchors.pop()] = inside
            counts[-1] += inside
        elif isinstance(event, yaml.ScalarEvent):
            counts[-1] += 1
            sizes[event.anchor or ""] = 1
        if counts[-1] > VALUES:
            raise yaml.YAMLError("its aliases stand for too much")


def load_plain(content: bytes | str) -> Any:
    """Return what ``content`` holds: plain values only.

    Raises:
        NOT_YAML: it cannot be read.
    """
    if (b"&" if isinstance(content, bytes) else "&") in content:  # type: ignore[operator]
        require_bounded(content)
    return yaml.load(content, Loader=yaml.CSafeLoader)
