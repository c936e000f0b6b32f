"""Where warnings go while a command runs.

Belongs here: the one configuration of logs. They go to standard error, so that what a
command prints can be piped; they name datasets, columns and hosts, never a person.
"""

from __future__ import annotations

import logging
import sys

import structlog


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
