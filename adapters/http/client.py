"""The HTTP client of one connection: paced, bounded, honest about what may have happened, and discreet."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from adapters.http.content import Again, clip, json_of, refusal
from adapters.http.exchange import LATER, Answer, Call, Failure, TooLargeError
from adapters.http.failures import CHECK_URL, failure
from adapters.http.limits import Bucket
from adapters.http.redaction import Evidence, Redactor, evidence
from adapters.http.retry import Backoff, retry_after, server_date
from adapters.http.tools import Limits, Tools
from reconciler.domain.errors import UnreachableError
from reconciler.ports import OutcomeKind

#: Exchanges that are kept as evidence.
KEPT: Final = 20
#: Same-host redirects that a read follows.
HOPS: Final = 3


@dataclass(frozen=True, slots=True)
class Site:
    """Where a connection's API is, and how it is limited. ``key`` names what the vendor limits."""

    base_url: str
    key: str
    bucket: Bucket

    @property
    def name(self) -> str:
        """The address as errors name it."""
        try:
            parts = urlsplit(self.base_url)
            return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
        except ValueError:
            return f"base_url {clip(self.base_url.rpartition('@')[2], 100)!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a call that creates or changes something ended, as far as HTTP can tell."""

    kind: OutcomeKind
    answer: Answer | None = None
    #: Why there is no success; without credentials.
    words: str = ""
    #: Seconds after which to try again, where the server or the limit says.
    wait: float | None = None


class HttpClient:
    """Sends calls to one site. ``secret_headers`` go with every call and are never shown."""

    def __init__(
        self, site: Site, tools: Tools, secret_headers: Mapping[str, str], limits: Limits | None = None
    ) -> None:
        self.site = site
        self.limits = limits or Limits()
        self.backoff = Backoff()
        #: How far the server's clock is ahead of ours.
        self.clock_offset = timedelta()
        self.evidence: deque[Evidence] = deque(maxlen=KEPT)
        #: What may be spent; a vendor that tells its limit replaces it.
        self.bucket = site.bucket
        self._tools = tools
        self._secret_headers = dict(secret_headers)
        self._redactor = Redactor(
            part for value in secret_headers.values() for part in {value, value.rpartition(" ")[2]}
        )

    def __repr__(self) -> str:
        return f"<HttpClient of {self.site.name}>"

    def read(self, call: Call, again: Again | None = None) -> Answer:
        """Return the answer to a call that changes nothing, tried several times if need be.

        ``again`` may say that an answer which looks whole is none. Raises UnreachableError or MalformedError
        when none comes; answers other than "later" are for the caller to judge, for example by `checked`.
        """
        waited = 0.0
        for attempt in range(self.limits.tries):
            pause = self._take(call, self.limits.patience_seconds - waited)
            waited += pause
            result = self._follow(call)
            wait = self._wait(result, attempt, again)
            if (
                wait is None
                or attempt + 1 == self.limits.tries
                or waited + wait > self.limits.patience_seconds
            ):
                return self._answer(result)
            self._tools.sleep(wait)
            waited += wait
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def read_json(self, call: Call) -> Any:
        """Return the JSON answer to a call that changes nothing."""
        return self.json(self.checked(self.read(call)))

    def write(self, call: Call) -> Written:
        """Send a call that creates or changes something, once. Never raises for what the network does."""
        try:
            self._take(call, self.limits.patience_seconds)
        except UnreachableError as error:
            return Written(kind=OutcomeKind.DEFERRED, words=str(error))
        result = self._exchange(call)
        if isinstance(result, Failure):
            kind = OutcomeKind.UNKNOWN if result.sent else OutcomeKind.DEFERRED
            return Written(kind=kind, words=result.words)
        kind = outcome_kind(result.status)
        words = (
            "" if kind is OutcomeKind.ACCEPTED else f"{self.site.name} answered with status {result.status}"
        )
        return Written(kind=kind, answer=result, words=words, wait=retry_after(result))

    def json(self, answer: Answer) -> Any:
        """Return an answer's JSON; raise MalformedError when it is none."""
        return json_of(answer, self.site.name)

    def checked(self, answer: Answer) -> Answer:
        """Return an answer of success; raise what another one means where the vendor says nothing else."""
        if answer.ok:
            return answer
        raise refusal(answer, self.site.name)

    def safe(self, text: str) -> str:
        """Return a vendor's words without our credentials."""
        return self._redactor.text(text)

    def refund(self, cost: float, left: float | None = None) -> None:
        """Tell the limiter what a call did not cost, and how much the vendor says is left."""
        self._tools.limiter.settle(self.site.key, self.bucket, refund=cost, left=left)

    def hold(self, seconds: float) -> None:
        """Let no worker call this site within the next ``seconds``."""
        self._tools.limiter.hold(self.site.key, self.bucket, seconds)

    def _take(self, call: Call, patience: float) -> float:
        pause = self._tools.limiter.take(self.site.key, call.cost, self.bucket)
        if pause > patience:
            self.refund(call.cost)
            raise UnreachableError(
                f"{self.site.name} may not be asked again for {pause:.0f} s: its rate limit is used up",
                next_step="it is tried again by itself",
            )
        if pause > 0:
            self._tools.sleep(pause)
        return pause

    def _wait(self, result: Answer | Failure, attempt: int, again: Again | None) -> float | None:
        """Return how long to wait before the next try, or None when this result is the last word."""
        own = self.backoff.pause(attempt, self._tools.random)
        if isinstance(result, Failure):
            return own if result.passing else None
        if result.status in LATER or result.status >= 500:
            asked = retry_after(result)
            if asked is not None and result.status in {429, 503}:
                self.hold(asked)
            return own if asked is None else asked + own / 10
        return again(result) if again else None

    def _answer(self, result: Answer | Failure) -> Answer:
        if isinstance(result, Answer):
            return result
        raise result.means(result.words, next_step=result.next_step)

    def _follow(self, call: Call) -> Answer | Failure:
        """Send a read; a redirect within the same origin is followed, any other is left to be reported."""
        url = self._url(call)
        for _ in range(HOPS):
            result = self._exchange(call, url)
            if not isinstance(result, Answer) or result.status not in {301, 302, 303, 307, 308}:
                return result
            target = _join(url, result.headers.get("location", ""))
            keeps_method = call.method == "GET" or result.status in {307, 308}
            if _origin(target) != _origin(url) or not keeps_method:
                return result
            url = target
        return result

    def _exchange(self, call: Call, url: str | None = None) -> Answer | Failure:
        url = url or self._url(call)
        started = self._tools.clock()
        result = self._send(call, url)
        if isinstance(result, Answer) and (date := server_date(result)):
            # The header counts whole seconds; half of one is its best guess.
            middle = started + (result.received_at - started) / 2
            self.clock_offset = date + timedelta(seconds=0.5) - middle
        elif isinstance(result, Failure) and not result.sent:
            self.refund(call.cost)
        self.evidence.append(evidence(self._redactor, url, call, result, started))
        return result

    def _send(self, call: Call, url: str) -> Answer | Failure:
        limits = self.limits
        timeout = httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds)
        headers = {"accept": "application/json", **call.headers, **self._secret_headers}
        session = self._tools.session
        try:
            request = session.build_request(
                call.method,
                url,
                params=dict(call.params) or None,
                content=call.body or None,
                headers=headers,
                timeout=timeout,
            )
            response = session.send(request, stream=True)
            try:
                return self._whole(response)
            finally:
                response.close()
        except httpx.InvalidURL:
            return Failure(f"{self.site.name} is no address", CHECK_URL, sent=False, passing=False)
        except httpx.HTTPError as error:
            return failure(error, self.site.name)

    def _whole(self, response: httpx.Response) -> Answer | Failure:
        deadline = self._tools.clock() + timedelta(seconds=self.limits.whole_seconds)
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.limits.body_bytes:
                return _too_large(self.site.name, self.limits.body_bytes)
            if self._tools.clock() > deadline:
                return Failure(f"{self.site.name} did not finish its answer in time", "", sent=True)
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=bytes(body),
            received_at=self._tools.clock(),
        )

    def _url(self, call: Call) -> str:
        return (
            f"{self.site.base_url.rstrip('/')}/{call.path.lstrip('/')}" if call.path else self.site.base_url
        )


def outcome_kind(status: int) -> OutcomeKind:
    """Return what the status of a create means; uncertain is unknown, because a wrong "no" makes doubles."""
    if 200 <= status < 300:
        return OutcomeKind.ACCEPTED
    if status == 429:
        return OutcomeKind.DEFERRED
    if status in {307, 308} or (400 <= status < 500 and status != 408):
        return OutcomeKind.REFUSED
    # 5xx, 408, and redirects that may well mean "done, see there".
    return OutcomeKind.UNKNOWN


def _too_large(site: str, limit: int) -> Failure:
    words = f"{site} sent an answer larger than {limit / 1024 / 1024:.0f} MB"
    return Failure(words, "ask for less at once", sent=True, passing=False, means=TooLargeError)


def _join(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return "", None, None
