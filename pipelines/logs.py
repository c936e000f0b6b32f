"""Where warnings go while a command runs.

Belongs here: the one configuration of logs. They go to standard error, so that what a
command prints can be piped; they name datasets, columns and hosts, never a person.
"""

from __future__ import annotations

import logging
import sys

import stamina.instrumentation
import structlog
from stamina.instrumentation import RetryDetails


def configure_logs(*, debug: bool = False) -> None:
    """Send warnings (everything with ``debug``) to standard error, one line each."""
    structlog.configure(
        processors=[
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
