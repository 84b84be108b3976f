"""Access tokens of OAuth 2 (RFC 6749), from a refresh token or for the application itself."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..base import TransportError
from ..http import Answer, Call, Http
from .account import ImapAccount

SECONDS = 8
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
LONGEST = 16_000

# Errors of a token endpoint (RFC 6749, section 5.2), and what to do.
HINTS = {
    "invalid_grant": "The refresh token is not valid any more, or is of another application. Sign in to the mailbox "
    "again, and enter the new refresh token.",
    "invalid_client": "It does not know the client id, or the client secret is wrong or has expired.",
    "unauthorized_client": "This application may not ask for tokens in this way. Allow it where it is registered.",
    "invalid_scope": "The scope is wrong or was not granted.",
    "unsupported_grant_type": "It does not make tokens in this way; enter a refresh token.",
    "invalid_request": "It misses a value, such as the scope or the client secret.",
}


class TokenServer(Http):
    """A server that makes access tokens."""

    kind, label = "imap", "OAuth 2"
    timeout = SECONDS

    def refusal(self, answer: Answer, host: str) -> TransportError:
        said = _read(answer)
        code = str(said.get("error"))
        hint = HINTS.get(code, "Check the token URL.")
        told = f"“{code}”" if code in HINTS else str(answer)
        return TransportError(f"The server {host} gave no access token: {told}. {hint}", account=True)


def access_token(account: ImapAccount) -> tuple[str, str]:
    """Ask for an access token; return it with the refresh token that replaces the present one, or "".

    Raises TransportError.
    """
    settings, secrets = account.settings, account.secrets
    told = {
        "grant_type": "refresh_token" if secrets.get("refresh_token") else "client_credentials",
        "refresh_token": secrets.get("refresh_token"),
        "client_id": settings.get("client_id"),
        "client_secret": secrets.get("client_secret"),
        "scope": settings.get("scope"),
    }
    body = urlencode({name: value for name, value in told.items() if value}).encode()
    with TokenServer({}) as server:
        call = Call(settings.get("token_url") or "", body, HEADERS)
        try:
            answer = _read(server.ask(call))
        except TransportError as error:
            raise TransportError(f"No access token: {error}", account=True) from None
    token, renewed = answer.get("access_token"), answer.get("refresh_token")
    if not _is_token(token):
        raise TransportError(f"The server {call.host} answered without an access token. Check the token URL.")
    return str(token), str(renewed) if _is_token(renewed) and renewed != secrets.get("refresh_token") else ""


def _is_token(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST and value.isascii() and value.isprintable()


def _read(answer: Answer) -> Mapping[str, Any]:
    try:
        said = answer.json
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
