"""A store that speaks Square's API, for rehearsals, the demo and tests."""

from adapters.square.sandbox.app import FAULTS, TOKEN, SquareSandbox
from adapters.square.sandbox.gate import Throttle
from adapters.square.sandbox.ledger import Ledger
from adapters.square.sandbox.seed import MAIN, MARKET, add_article, add_location, furnish
from adapters.square.sandbox.serve import SandboxOptions, make_sandbox, serve, serving
from adapters.square.sandbox.tills import ring_up

__all__ = [
    "FAULTS",
    "MAIN",
    "MARKET",
    "TOKEN",
    "Ledger",
    "SandboxOptions",
    "SquareSandbox",
    "Throttle",
    "add_article",
    "add_location",
    "furnish",
    "make_sandbox",
    "ring_up",
    "serve",
    "serving",
]
