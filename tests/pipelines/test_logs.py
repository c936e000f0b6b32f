"""No secret in a log, under whatever name or in whatever text it comes."""

from __future__ import annotations

import pytest
import structlog

from pipelines.logs import configure_logs

KEY = "c3" * 32


def test_secrets_are_masked_and_the_rest_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    try:
        structlog.get_logger().warning(
            f"trying {KEY} again",
            api_key="abc123def",
            headers={"Authorization": "Bearer qwertz", "accept": "text/csv"},
            tried=[f"key {KEY}", {"password": "hunter2"}],
            url="https://user:hunter2@example.org/file",
            said="Bearer uiopasdf",
            dataset="bodacc",
            seconds=3.5,
        )
    finally:
        structlog.reset_defaults()
    shown = capsys.readouterr().err
    for secret in (KEY, "abc123def", "qwertz", "hunter2", "uiopasdf"):
        assert secret not in shown
    for kept in ("again", "bodacc", "3.5", "text/csv", "example.org/file"):
        assert kept in shown
