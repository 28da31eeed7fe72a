"""Time that passes only in sleep, for one adapter or several workers, and a network that is a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Condition, Thread

import fakeredis
import httpx

from adapters.http import LocalLimiter, RateLimiter, Tools, ValkeyLimiter, make_session
from adapters.sandbox import App, AppTransport
from tests.builders import NOW


@dataclass
class Time:
    """Time that passes only in ``sleep``."""

    now: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        """Return the present moment."""
        return self.now

    def seconds(self) -> float:
        """Return how many seconds have passed."""
        return (self.now - NOW).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


class Workers(Time):
    """Several threads on one simulated clock: it advances to the next waking when all of them sleep."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self._awake = count
        self._waking: list[float] = []
        self._turn = Condition()

    def sleep(self, seconds: float) -> None:
        """Sleep until the simulated clock says so."""
        with self._turn:
            # In whole microseconds, which is all that a datetime holds.
            until = round(self.seconds() + max(seconds, 1e-6), 6)
            self._waking.append(until)
            self._awake -= 1
            self._advance()
            self._turn.wait_for(lambda: round(self.seconds(), 6) >= until)
            self._waking.remove(until)
            self._awake += 1

    def run(self, body: Callable[[int], None]) -> None:
        """Run all workers to their end; an error in one of them is an error of the test."""
        errors: list[BaseException] = []

        def worker(number: int) -> None:
            try:
                body(number)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                errors.append(error)
            finally:
                self._leave()

        threads = [Thread(target=worker, args=(number,)) for number in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive()
        assert errors == []

    def _leave(self) -> None:
        with self._turn:
            self._awake -= 1
            self._advance()

    def _advance(self) -> None:
        due = [until for until in self._waking if until > round(self.seconds(), 6)]
        if self._awake == 0 and due and len(due) == len(self._waking):
            self.now = NOW + timedelta(microseconds=round(min(due) * 1e6))
            self._turn.notify_all()


def local(time: Time) -> RateLimiter:
    """Return a limiter of this process alone."""
    return LocalLimiter(time.seconds)


def valkey(time: Time) -> RateLimiter:
    """Return a limiter that workers share."""
    return ValkeyLimiter(fakeredis.FakeRedis(), seconds=time.seconds)


def tools(
    app: App | httpx.BaseTransport,
    time: Time,
    *,
    limiter: RateLimiter | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Tools:
    """Return what a process shares, with a sandbox in place of the network."""
    transport = app if isinstance(app, httpx.BaseTransport) else AppTransport(app)
    return Tools(
        session=make_session(transport),
        clock=time.clock,
        limiter=limiter or local(time),
        sleep=sleep or time.sleep,
        random=Random(7),
    )
