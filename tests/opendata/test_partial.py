"""Partial files: what two transfers into one folder must not do to each other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opendata.partial import Partial

ROUNDS = 400


def _take_and_discard(folder: Path, url: str) -> int:
    for _ in range(ROUNDS):
        partial = Partial(folder, url)
        partial.restart({"etag": '"1"'})
        assert partial.path.is_file()
        partial.discard()
        assert not partial.path.exists()
    return ROUNDS


def test_files_of_a_window_that_end_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    folder = tmp_path / ".partial"
    urls = [f"https://portal.test/{number}.taz" for number in range(4)]
    with ThreadPoolExecutor(len(urls)) as pool:
        rounds = list(pool.map(lambda url: _take_and_discard(folder, url), urls))
    assert rounds == [ROUNDS] * len(urls)
    assert list(folder.iterdir()) == []
