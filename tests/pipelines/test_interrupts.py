"""A request to stop that nobody else passes on."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from pipelines.interrupts import stop_is_heard


@pytest.fixture(autouse=True)
def deaf() -> Iterator[None]:
    """Handlers that forget what they are told, as Dagster's do between two steps."""
    former = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    for one, handler in former.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_request_that_its_handler_forgets_is_heard_at_the_end(asked: signal.Signals) -> None:
    done = []

    def asked_within() -> None:
        with stop_is_heard():
            os.kill(os.getpid(), asked)
            done.append("the step")

    with pytest.raises(KeyboardInterrupt):
        asked_within()
    assert done == ["the step"]


def test_nothing_is_raised_when_nobody_asks() -> None:
    with stop_is_heard():
        pass
    with stop_is_heard():
        os.kill(os.getpid(), signal.SIGWINCH)


def test_a_failure_is_not_hidden() -> None:
    def failing() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise LookupError

    with pytest.raises(LookupError), stop_is_heard():
        failing()


def test_the_descriptor_of_others_is_given_back() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    former = signal.set_wakeup_fd(write)
    try:
        with stop_is_heard():
            pass
        assert signal.set_wakeup_fd(former) == write
    finally:
        os.close(read)
        os.close(write)


def test_other_threads_may_run_too() -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with stop_is_heard():
                pass
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert failures == []
