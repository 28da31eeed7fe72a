"""Faults that can be switched on and off while a sandbox runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is on: for so many more calls (None: until switched off), after letting some pass."""

    name: str
    times: int | None = None
    #: Calls that still go well before it strikes.
    after: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


class Faults:
    """The switches of one sandbox. ``known`` says what each fault does, for whoever lists them."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known
        self._on: dict[str, Fault] = {}
        self._struck: Counter[str] = Counter()
        self._lock = Lock()

    def switch_on(
        self,
        name: str,
        *,
        times: int | None = None,
        after: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Let a fault strike; raise KeyError when there is none of that name."""
        if name not in self.known:
            raise KeyError(name)
        with self._lock:
            self._on[name] = Fault(name, times, after, dict(settings or {}))

    def switch_off(self, name: str | None = None) -> None:
        """End one fault, or all."""
        with self._lock:
            if name is None:
                self._on.clear()
            else:
                self._on.pop(name, None)

    def on(self, name: str) -> Fault | None:
        """Return a fault that is on, without using it up, and count that it struck."""
        with self._lock:
            self._struck[name] += name in self._on
            return self._on.get(name)

    def peek(self, name: str) -> Fault | None:
        """Return a fault that is on; whether it strikes is not said yet."""
        with self._lock:
            return self._on.get(name)

    def strike(self, name: str) -> Fault | None:
        """Return the fault if it strikes this call, and count it."""
        with self._lock:
            fault = self._on.get(name)
            if fault is None:
                return None
            if fault.after:
                self._on[name] = Fault(name, fault.times, fault.after - 1, fault.settings)
                return None
            if fault.times is not None:
                left = fault.times - 1
                if left > 0:
                    self._on[name] = Fault(name, left, 0, fault.settings)
                else:
                    del self._on[name]
            self._struck[name] += 1
            return fault

    def listing(self) -> dict[str, dict[str, object]]:
        """Return every fault with what it does, whether it is on, and how often it struck."""
        with self._lock:
            on, struck = dict(self._on), Counter(self._struck)
        return {
            name: {
                "does": does,
                "on": name in on,
                "times": on[name].times if name in on else None,
                "struck": struck[name],
            }
            for name, does in self.known.items()
        }
