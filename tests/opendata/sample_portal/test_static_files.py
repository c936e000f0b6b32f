"""Validators, conditional requests and ranges of the static files (RFC 9110 §13, §14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

STORAGE = "static.data.gouv.fr"
PATH = (
    "/resources/index-egalite-professionnelle-f-h-des-entreprises-de-50-salaries-ou-plus"
    "/20210301-074000/index-egalite-fh.csv"
)
Get = Callable[..., Any]


@pytest.fixture
def whole(get: Get) -> Any:
    return get(STORAGE, PATH)


def test_the_whole_file_carries_its_validators(whole: Any) -> None:
    assert whole.status == 200
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["last-modified"] == "Mon, 01 Mar 2021 07:40:00 GMT"
    assert whole.headers["etag"].startswith('"')
    assert whole.headers["content-type"] == "text/csv"
    assert int(whole.headers["content-length"]) == len(whole.body)


def test_head_is_get_without_the_body(get: Get, whole: Any) -> None:
    head = get(STORAGE, PATH, method="HEAD")
    assert head.body == b""
    ignored = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in whole.headers.items() if k not in ignored
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None)],
)
def test_a_range_gives_that_part(
    get: Get, whole: Any, asked: str, start: int, end: int | None
) -> None:
    part = get(STORAGE, PATH, Range=asked)
    assert part.status == 206
    assert part.body == whole.body[start:end]
    first = start % len(whole.body)
    last = first + len(part.body) - 1
    assert part.headers["content-range"] == f"bytes {first}-{last}/{len(whole.body)}"


def test_a_range_that_ends_past_the_file_is_cut(get: Get, whole: Any) -> None:
    part = get(STORAGE, PATH, Range="bytes=10-99999999")
    assert (part.status, part.body) == (206, whole.body[10:])


def test_a_range_past_the_end_cannot_be_satisfied(get: Get, whole: Any) -> None:
    size = len(whole.body)
    refused = get(STORAGE, PATH, Range=f"bytes={size}-")
    assert (refused.status, refused.body) == (416, b"")
    assert refused.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "bytes=0-1,4-5", "lines=1-2"])
def test_a_range_that_means_nothing_is_ignored(get: Get, whole: Any, asked: str) -> None:
    answer = get(STORAGE, PATH, Range=asked)
    assert (answer.status, answer.body) == (200, whole.body)


@pytest.mark.parametrize("validator", ["etag", "last-modified"])
def test_if_range_serves_the_part_of_the_same_file(get: Get, whole: Any, validator: str) -> None:
    part = get(STORAGE, PATH, Range="bytes=5-", If_Range=whole.headers[validator])
    assert (part.status, part.body) == (206, whole.body[5:])


@pytest.mark.parametrize("stale", ['"other"', "Mon, 01 Mar 2021 07:39:59 GMT"])
def test_if_range_serves_the_whole_of_another_file(get: Get, whole: Any, stale: str) -> None:
    answer = get(STORAGE, PATH, Range="bytes=5-", If_Range=stale)
    assert (answer.status, answer.body) == (200, whole.body)


def test_a_current_copy_is_not_sent_again(get: Get, whole: Any) -> None:
    etag, modified = whole.headers["etag"], whole.headers["last-modified"]
    for condition in (
        {"If_None_Match": etag},
        {"If_None_Match": f'"x", W/{etag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": modified},
        {"If_Modified_Since": "Tue, 02 Mar 2021 00:00:00 GMT"},
    ):
        answer = get(STORAGE, PATH, **condition)
        assert (answer.status, answer.body) == (304, b""), condition
        assert answer.headers["etag"] == etag


def test_another_copy_is_sent_again(get: Get, whole: Any) -> None:
    modified = whole.headers["last-modified"]
    for condition in (
        {"If_None_Match": '"other"'},
        # The tag wins over the date (RFC 9110 §13.1.3).
        {"If_None_Match": '"other"', "If_Modified_Since": modified},
        {"If_Modified_Since": "Mon, 01 Mar 2021 07:39:59 GMT"},
        {"If_Modified_Since": "yesterday"},
    ):
        assert get(STORAGE, PATH, **condition).status == 200, condition


def test_two_vintages_have_two_tags(get: Get, whole: Any) -> None:
    older = get(STORAGE, PATH.replace("20210301", "20200301"))
    assert older.status == 200
    assert older.headers["etag"] != whole.headers["etag"]
