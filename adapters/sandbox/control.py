"""The sandbox's own address, ``/_sandbox``: list and switch faults, move its clock. Loopback only."""

from __future__ import annotations

from datetime import timedelta

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.faults import Faults
from adapters.sandbox.wire import App, Request, Response, json_response

PREFIX = "/_sandbox"


def with_control(app: App, faults: Faults, clock: SandboxClock) -> App:
    """Add the control address to a sandbox.

    ``GET /_sandbox/faults`` lists them, ``POST /_sandbox/faults/NAME?times=2&after=1`` switches one on,
    ``DELETE /_sandbox/faults/NAME`` one off, ``DELETE /_sandbox/faults`` all;
    ``POST /_sandbox/clock?seconds=90`` moves time.
    """

    def answer(request: Request) -> Response:
        if request.path != PREFIX and not request.path.startswith(f"{PREFIX}/"):
            return app(request)
        try:
            return _control(request, faults, clock)
        except KeyError as unknown:
            return json_response({"error": f"no fault {unknown}", "known": list(faults.known)}, 404)
        except ValueError:
            return json_response({"error": "a number is none"}, 400)

    return answer


def _control(request: Request, faults: Faults, clock: SandboxClock) -> Response:
    parts = request.path.removeprefix(PREFIX).strip("/").split("/")
    match request.method, parts:
        case "POST", ["faults", name]:
            settings = request.query
            times, after = settings.pop("times", None), settings.pop("after", "0")
            faults.switch_on(name, times=int(times) if times else None, after=int(after), settings=settings)
        case "DELETE", ["faults", name]:
            faults.switch_off(name)
        case "DELETE", ["faults"]:
            faults.switch_off()
        case "POST", ["clock"]:
            clock.advance(timedelta(seconds=float(request.query.get("seconds", "0"))))
        case "GET", ["" | "faults" | "clock"]:
            pass
        case _:
            return json_response({"error": "no such control"}, 404)
    return json_response({"now": clock().isoformat(), "faults": faults.listing()})
