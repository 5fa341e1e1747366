"""What threads say when the processes that they hand work to are ended."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from facebench.runtime.stops import Stopped, processes_end, stop_signals


def _fails(name: str) -> None:
    def fail() -> None:
        raise KeyError(name)

    thread = threading.Thread(target=fail, name=name)
    thread.start()
    thread.join()


@pytest.mark.usefixtures("interrupts")
def test_a_thread_that_loses_its_processes_to_a_signal_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda failed: told.append(failed.thread.name))

    def stop() -> None:
        _fails("ExecutorManagerThread")
        assert told == ["ExecutorManagerThread"]  # nothing has stopped it: that is a mistake
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            _fails("ExecutorManagerThread")
            _fails("another")

    with pytest.raises(Stopped), stop_signals():
        stop()
    assert told == ["ExecutorManagerThread", "another"]
    with processes_end():
        _fails("ExecutorManagerThread")
    assert told == ["ExecutorManagerThread", "another"]
    _fails("ExecutorManagerThread")
    assert told == ["ExecutorManagerThread", "another", "ExecutorManagerThread"]
