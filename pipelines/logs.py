"""Where warnings go while a command runs.

Belongs here: the one configuration of logs. They go to standard error, so that what a
command prints can be piped; they name datasets, columns and hosts, never a person.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import stamina.instrumentation
import structlog
from stamina.instrumentation import RetryDetails

#: A value under such a name is a secret, as is whatever is a key of ours, wherever it stands.
_SECRET_NAME = re.compile(r"(?i)key|secret|token|password|authorization|credential|cookie")
_SECRET_TEXT = re.compile(r"(?i)\b[0-9a-f]{64}\b|(?<=://)[^/\s@]+(?=@)|(?<=bearer )\S+")
_MASK = "***"


def masked(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Put ``***`` in the place of every secret of a log entry, nested values included."""
    return {name: _without(name, value) for name, value in event.items()}


def _without(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return _MASK
    if isinstance(value, Mapping):
        return {str(key): _without(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without("", one) for one in value]
    return _SECRET_TEXT.sub(_MASK, value) if isinstance(value, str) else value


def configure_logs(*, debug: bool = False) -> None:
    """Send warnings (everything with ``debug``) to standard error, one line each."""
    structlog.configure(
        processors=[
            masked,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if debug else logging.WARNING
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    stamina.instrumentation.set_on_retry_hooks([_tell_retry])


def _tell_retry(details: RetryDetails) -> None:
    """Say that a request is tried again, when and why; errors of ours name no secret."""
    why = getattr(details.caused_by, "what", type(details.caused_by).__name__)
    structlog.get_logger().warning("trying again", seconds=round(details.wait_for, 1), why=why)
