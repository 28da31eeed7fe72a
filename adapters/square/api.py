"""Asks Square's API: one version, whole answers, and every refusal understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from adapters.http import Bucket, Call, Evidence, HttpClient, Written
from adapters.square.errors import Complaint, complaints, read_error
from reconciler.domain.errors import MalformedError
from reconciler.ports import OutcomeKind

#: Seconds in which nobody calls after a 429 to a create: Square does not tell when to come back.
REST: Final = 1.0
#: Square tells no limit either. What is left of our rate after a 429, and how it grows again call by call.
SLOWER, FASTER, SLOWEST = 0.7, 1.02, 1.0


@dataclass(frozen=True, slots=True)
class Sent:
    """How a call that changes something ended."""

    written: Written
    payload: Mapping[str, Any]
    complaints: tuple[Complaint, ...]

    @property
    def kind(self) -> OutcomeKind:
        """What came of it, as far as HTTP can tell."""
        return self.written.kind


class SquareApi:
    """One seller's account."""

    def __init__(self, http: HttpClient, version: str) -> None:
        self.http = http
        self._full = http.bucket
        self._heeded: Evidence | None = None
        self._headers = {"square-version": version, "content-type": "application/json"}

    @property
    def site(self) -> str:
        """The address, as errors name it."""
        return self.http.site.name

    def get(self, path: str, **params: str) -> Mapping[str, Any]:
        """Return what is at an address."""
        return self._read(Call(path=path, params=params, headers=self._headers))

    def ask(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to a question that is too long for an address, and changes nothing."""
        return self._read(self._post("POST", path, msgspec.json.encode(body)))

    def listing(self, path: str, **params: str) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a listing."""
        answer = self.get(path, **params)
        yield answer
        while cursor := answer.get("cursor"):
            answer = self.get(path, **params, cursor=str(cursor))
            yield answer

    def send(self, path: str, body: bytes, method: str = "POST") -> Sent:
        """Send a call that changes something, once. Never raises for what Square or the network does."""
        written = self.http.write(self._post(method, path, body))
        self._heed()
        if written.kind is OutcomeKind.DEFERRED and written.answer is not None:
            self.http.hold(written.wait or REST)
        payload: object = None
        if written.answer is not None:
            try:
                payload = self.http.json(written.answer)
            except MalformedError:
                payload = None
        found = payload if isinstance(payload, Mapping) else {}
        return Sent(written, found, complaints(found))

    def _post(self, method: str, path: str, body: bytes) -> Call:
        return Call(method=method, path=path, headers=self._headers, body=body)

    def _read(self, call: Call) -> Mapping[str, Any]:
        try:
            answer = self.http.read(call)
        finally:
            self._heed()
        payload: object = None
        try:
            payload = self.http.json(answer)
        except MalformedError:
            if answer.ok:
                raise
        found = complaints(payload)
        # Errors come with status 200 as well: then part of the answer is missing.
        if not answer.ok or found:
            raise read_error(answer, self.site, found)
        if not isinstance(payload, Mapping):
            raise MalformedError(
                f"{self.site} answers, but not as Square",
                next_step="check base_url: https://connect.squareup.com",
            )
        return payload

    def _heed(self) -> None:
        """Call less often after being turned away, and by and by as often as before."""
        fresh: list[Evidence] = []
        for exchange in reversed(self.http.evidence):
            if exchange is self._heeded:
                break
            fresh.append(exchange)
        if fresh:
            self._heeded = fresh[0]
            turned_away = any(exchange.status == 429 for exchange in fresh)
            rate = self.http.bucket.rate * (SLOWER if turned_away else FASTER)
            rate = max(min(SLOWEST, self._full.rate), min(rate, self._full.rate))
            self.http.bucket = Bucket(self._full.capacity * rate / self._full.rate, rate)


def rows(answer: Mapping[str, Any], name: str, site: str) -> list[Any]:
    """Return a list of an answer; Square leaves an empty one out."""
    found = answer.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise MalformedError(
            f"{site} sent {name} that are no list", next_step="report it with the kept answer"
        )
    return found
