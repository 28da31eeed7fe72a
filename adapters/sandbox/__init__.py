"""What the vendors' sandboxes share: a server on a free port, tables, faults to switch, a clock to move."""

from adapters.sandbox.clock import SandboxClock, utc_now
from adapters.sandbox.control import with_control
from adapters.sandbox.faults import Fault, Faults
from adapters.sandbox.server import Running, running
from adapters.sandbox.store import Table
from adapters.sandbox.transport import AppTransport
from adapters.sandbox.wire import App, Request, Response, dated, html_response, json_response

__all__ = [
    "App",
    "AppTransport",
    "Fault",
    "Faults",
    "Request",
    "Response",
    "Running",
    "SandboxClock",
    "Table",
    "dated",
    "html_response",
    "json_response",
    "running",
    "utc_now",
    "with_control",
]
