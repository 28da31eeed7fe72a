"""How this store says no, in the shape and with the codes that Square publishes."""

from __future__ import annotations

from typing import Any

from adapters.sandbox import Response, json_response


class RefusedCall(Exception):
    """An answer other than success."""

    def __init__(self, code: str, detail: str = "", field: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.field = field
        self.status = status

    def response(self, headers: dict[str, str] | None = None) -> Response:
        """Return it as it goes over the wire."""
        error: dict[str, Any] = {"category": _category(self.code, self.status), "code": self.code}
        error |= {"detail": self.detail} if self.detail else {}
        error |= {"field": self.field} if self.field else {}
        return json_response({"errors": [error]}, self.status, headers)


def _category(code: str, status: int) -> str:
    if status in {401, 403}:
        return "AUTHENTICATION_ERROR"
    if status == 429:
        return "RATE_LIMIT_ERROR"
    if status >= 500:
        return "API_ERROR"
    return "PAYMENT_METHOD_ERROR" if code.startswith("CARD_") else "INVALID_REQUEST_ERROR"


def missing(field: str) -> RefusedCall:
    """Return the refusal of a call that lacks a field."""
    return RefusedCall("MISSING_REQUIRED_PARAMETER", "Missing required parameter.", field)


def invalid(field: str, detail: str, code: str = "INVALID_VALUE") -> RefusedCall:
    """Return the refusal of a value."""
    return RefusedCall(code, detail, field)


def not_found(detail: str, field: str = "", status: int = 404) -> RefusedCall:
    """Return the refusal of a call about something that is not there."""
    return RefusedCall("NOT_FOUND", detail, field, status)
