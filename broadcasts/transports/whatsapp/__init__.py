"""WhatsApp by Meta's Cloud API, or by a gateway of the same shape.

`parameters.py` describes the JSON of a message's parameters, `errors.py` what each error code means.
"""

import hmac
import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from broadcasts.formats import number

from ..base import Bubble, Envelope, Receipt, StoredTemplate, TransportError
from ..callbacks import Callback, CallbackRequest
from ..http import Answer, Call, Http
from . import bubbles, callbacks, parameters, payload, templates
from .errors import refused, stopped
from .settings import WhatsAppSettings

PAGE = 50  # templates
MOST_PAGES = 150
LISTING_SECONDS = 45
LARGEST_PAGE = 500_000  # bytes
LIMIT = "whatsapp_business_manager_messaging_limit"  # the field of a number; TIER_2K, TIER_UNLIMITED
TIER = re.compile(r"TIER_(\d{1,6})(K?)")
UNLIMITED = ("TIER_UNLIMITED", "UNLIMITED")


class WhatsApp(Http):
    kind = "whatsapp"
    label = "WhatsApp"
    medium = "whatsapp"
    settings_form = WhatsAppSettings
    reports = frozenset({"delivered", "bounced", "opened", "replied"})
    calls_back = True
    stores_templates = True
    reply_window = timedelta(hours=24)
    default_rate = 80  # a second and number, unless Meta grants more
    person_seconds, person_burst = 6, 45
    concurrency = 100

    @cached_property
    def headers(self) -> dict[str, str]:
        token = self.settings["access_token"]
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    @property
    def account(self) -> str:
        """The id of the phone number, which callbacks name."""
        return str(self.settings.get("phone_number_id", ""))

    def address(self, path: str, **query: object) -> str:
        base = str(self.settings["api_url"]).rstrip("/")
        return f"{base}/{path}{'?' + urlencode(query) if query else ''}"

    def call(self, envelope: Envelope) -> Call:
        body = json.dumps(payload.message(envelope), separators=(",", ":"), ensure_ascii=False).encode()
        return Call(self.address(f"{self.account}/messages"), body, self.headers)

    def receipt(self, answer: Answer) -> Receipt:
        [sent] = answer.json["messages"]
        status = str(sent.get("message_status") or "")
        if status == "paused":
            raise stopped(132015)
        detail = "Held by WhatsApp until the quality of the template is known." if status.startswith("held") else status
        return Receipt(provider_id=str(sent["id"]), detail=detail)

    def refusal(self, answer: Answer, host: str) -> TransportError:
        return refused(answer) or super().refusal(answer, host)

    def probe(self) -> Call:
        return Call(self.address(self.account, fields="id,display_phone_number"), headers=self.headers, method="GET")

    def people_a_day(self) -> int | None:
        answer = self.ask(Call(self.address(self.account, fields=LIMIT), headers=self.headers, method="GET"))
        tier = str(answer.json.get(LIMIT) or "")
        if tier in UNLIMITED:
            return None
        match = TIER.fullmatch(tier)
        if not match:
            raise TransportError("The number of people a day was not told.")
        return int(match[1]) * (1000 if match[2] else 1)

    def verify(self, request: CallbackRequest) -> bool:
        if request.method == "GET":
            query = parse_qs(urlsplit(request.url).query)
            [mode], [token] = query["hub.mode"], query["hub.verify_token"]
            return mode == "subscribe" and same(token, self.settings["verify_token"])
        secret = self.settings["app_secret"].encode()
        expected = hmac.digest(secret, request.body, "sha256").hex()
        return bool(secret) and same(request.headers["x-hub-signature-256"], f"sha256={expected}")

    def parse(self, request: CallbackRequest) -> Callback:
        if request.method == "GET":
            [challenge] = parse_qs(urlsplit(request.url).query)["hub.challenge"]
            return Callback(answer=challenge)
        return callbacks.parsed(json.loads(request.body))

    def templates(self) -> Iterator[StoredTemplate]:
        """Yield the templates of the business account; raises TransportError."""
        query: dict[str, object] = {"fields": templates.FIELDS, "limit": PAGE}
        ends = time.monotonic() + LISTING_SECONDS
        for _ in range(MOST_PAGES):
            url = self.address(f"{self.settings['business_account_id']}/message_templates", **query)
            answer = self.ask(Call(url, headers=self.headers, method="GET"), LARGEST_PAGE)
            try:
                found, after = templates.page(answer.json)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                raise TransportError("The list of templates could not be understood.") from None
            if len(found) > PAGE:
                words = f"A page of the list has {number(len(found))} templates"
                raise TransportError(f"{words}, though {PAGE} were asked for.")
            yield from found
            if not after:
                return
            if time.monotonic() >= ends:
                raise TransportError(f"The list of templates did not end within {LISTING_SECONDS} seconds.")
            query["after"] = after  # not the address in the answer: it has the token, and may be anybody's
        raise TransportError(f"There are more than {number(PAGE * MOST_PAGES)} templates, too many to sync.")

    @classmethod
    def malformed(cls, value: Mapping[str, Any]) -> dict[str, str]:
        return parameters.malformed(value)

    @classmethod
    def surplus(cls, structure: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, str]:
        return parameters.surplus(structure, value)

    @classmethod
    def missing(cls, structure: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, str]:
        return parameters.missing(structure, value)

    @classmethod
    def unsendable(cls, texts: Mapping[str, Any]) -> dict[str, str]:
        return payload.unsendable(texts)

    @classmethod
    def file_fault(cls, content_type: str, size: int, kind: str = "") -> str:
        return payload.file_fault(content_type, size, kind)

    @classmethod
    def bubble(cls, envelope: Envelope, structure: Mapping[str, Any]) -> Bubble:
        return bubbles.bubble(envelope, structure)


def same(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
