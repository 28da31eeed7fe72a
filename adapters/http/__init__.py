"""The HTTP client that all networked vendors share. Import from here; the files inside may move."""

from adapters.http.client import HttpClient, Site, Written, outcome_kind
from adapters.http.content import clip, json_of, looks_like_html, redirect, refusal
from adapters.http.exchange import Answer, Call, Failure, TooLargeError
from adapters.http.limits import Bucket, FallbackLimiter, LocalLimiter, RateLimiter
from adapters.http.options import LIMIT_OPTIONS, limits_of, number_of
from adapters.http.redaction import Evidence, Redactor
from adapters.http.retry import Backoff, retry_after, server_date
from adapters.http.tools import Limits, Tools, make_session, make_tools
from adapters.http.valkey_limits import ValkeyLimiter, shared_limiter

__all__ = [
    "LIMIT_OPTIONS",
    "Answer",
    "Backoff",
    "Bucket",
    "Call",
    "Evidence",
    "Failure",
    "FallbackLimiter",
    "HttpClient",
    "Limits",
    "LocalLimiter",
    "RateLimiter",
    "Redactor",
    "Site",
    "TooLargeError",
    "Tools",
    "ValkeyLimiter",
    "Written",
    "clip",
    "json_of",
    "limits_of",
    "looks_like_html",
    "make_session",
    "make_tools",
    "number_of",
    "outcome_kind",
    "redirect",
    "refusal",
    "retry_after",
    "server_date",
    "shared_limiter",
]
