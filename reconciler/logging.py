"""Set logging up: one line an event, ours and the libraries' alike, on stderr, and nothing personal in it.

Events have constant names and carry ids in keywords: ``log.info("run_finished", channel=..., run=...)``.
What slips through all the same is caught here: values under telling keys are replaced, objects become their
type's name, and an exception is its type and the places it passed, without its words and without locals,
because both may quote an order.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, TextIO, TypeAlias
from uuid import UUID

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from reconciler.domain.errors import ReconcilerError

Format: TypeAlias = Literal["auto", "console", "json"]
Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

REDACTED: Final = "[redacted]"
#: A key that has one of these among its words never shows its value.
TELLING: Final = frozenset(
    "address auth authorization body cookie credential credentials customer email name passwd password "
    "payload phone raw secret secrets token tokens".split()
)
#: Libraries that talk about every statement or request.
CHATTY: Final = ("alembic.runtime", "httpx", "httpcore", "kombu", "sqlalchemy", "urllib3")
MAX_TEXT: Final = 500
#: Frames of an exception that are kept, the innermost ones.
MAX_FRAMES: Final = 12

#: Exceptions whose words are ours, or name parts of the program only.
SPEAKABLE: Final = (ReconcilerError, ImportError, AttributeError, NameError, NotImplementedError)

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
#: What must go even when it stands inside a text: passwords in addresses, tokens, e-mail addresses.
_INSIDE: Final = (
    (re.compile(r"(?<=://)[^\s/@]*@"), f"{REDACTED}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {REDACTED}"),
    (re.compile(r"\bgAAAA[\w=-]{20,}"), REDACTED),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), REDACTED),
)
_PLAIN: Final = (bool, int, float, type(None))
_TELLS_ITSELF: Final = (date, datetime, time, timedelta, Decimal, UUID, Path)
_ROOT: Final = Path(__file__).resolve().parent.parent


def configure(level: Level = "INFO", fmt: Format = "auto", stream: TextIO | None = None) -> None:
    """Send every log line through one formatter to ``stream`` (stderr); safe to call again."""
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                ProcessorFormatter.remove_processors_meta,
                describe_exception,
                redact,
                _renderer(fmt, target),
            ],
        )
    )
    _install(handler, level)


def takes_colour(target: TextIO) -> bool:
    """Say whether escape sequences may go to ``target``: a terminal, unless NO_COLOR says otherwise."""
    return target.isatty() and not os.environ.get("NO_COLOR")


def _renderer(fmt: Format, target: TextIO) -> Processor:
    if fmt == "json" or (fmt == "auto" and not target.isatty()):
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=takes_colour(target), timestamp_key="at", pad_event_to=0)


def _install(handler: logging.Handler, level: Level) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def describe_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace a traceback by the exception's type and the places it passed."""
    event.pop("stack_info", None)
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = chain_of(error)
        event["where"] = places(error)
        if isinstance(error, SPEAKABLE):
            event["said"] = str(error)
    return event


def chain_of(error: BaseException) -> str:
    """Name the exception's type and those of its causes, without their words."""
    names: list[str] = []
    current: BaseException | None = error
    while current is not None and len(names) < MAX_FRAMES:
        names.append(type(current).__qualname__)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return " <- ".join(names)


def places(error: BaseException) -> list[str]:
    """Say where an exception passed, innermost last, as ``file:line function``."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def _short(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(_ROOT):
        return path.relative_to(_ROOT).as_posix().partition("site-packages/")[2] or str(
            path.relative_to(_ROOT)
        )
    return "/".join(path.parts[-2:])


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace what may be secret or personal."""
    kept: MutableMapping[str, Any] = {}
    for key, value in event.items():
        kept[key] = REDACTED if telling(key) and value is not None else safe(value)
    return kept


def telling(key: object) -> bool:
    """Say whether values under ``key`` must not show.

    >>> telling("access_token"), telling("customerName"), telling("channel"), telling("hostname")
    (True, True, False, False)
    """
    return any(word.lower() in TELLING for word in _WORDS.findall(str(key)))


def safe(value: object) -> object:
    """Return a loggable stand-in for ``value``: plain values as they are, objects as their type's name."""
    if isinstance(value, Enum):
        return safe(value.value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, _TELLS_ITSELF):
        return clean(str(value))
    if isinstance(value, Mapping):
        return {clean(str(k)): REDACTED if telling(k) else safe(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [safe(item) for item in value]
    return f"<{type(value).__name__}>"


def clean(text: str) -> str:
    """Return one line of bounded length without secrets that are recognisable by their form."""
    text = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_TEXT])
    for pattern, replacement in _INSIDE:
        text = pattern.sub(replacement, text)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."
