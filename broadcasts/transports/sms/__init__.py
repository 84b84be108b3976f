"""SMS, by the HTTP gateway that a channel's settings describe."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from broadcasts import formats, septets
from broadcasts.mediums import places_of

from ..base import Envelope, Outcome, Receipt, SettingsRefused, TransportError
from ..callbacks import Callback, CallbackRequest, Event, InboundMessage
from ..http import Answer, Call, Http
from .gateway import MEANINGS, OF_COPY, Faulty, Gateway
from .reading import document_of, items, moment_at, number, text_at
from .settings import CONNECTIONS, SmsSettings, description_of
from .signatures import OF_BODY, SIGNATURES

LONGEST = 5_000  # characters; more than any gateway takes
LONGEST_CODE = 100  # characters of a gateway's code that are kept
NO_ID = (
    "The gateway took the message, but its answer has no id at {}, so that its reports cannot be matched: correct "
    "answer.id in the description of the gateway."
)
ALWAYS_SIGNED = frozenset({"twilio"})  # with the very secret by which the channel sends


class Sms(Http):
    kind = "sms"
    label = "SMS"
    medium = "sms"
    settings_form = SmsSettings
    reports = frozenset({"delivered", "bounced", "replied"})
    calls_back = True

    @cached_property
    def gateway(self) -> Gateway:
        return Gateway.read(description_of(self.settings))

    def open(self) -> None:
        """Refuse a stored description that this version does not take; nobody is lost by it."""
        try:
            self.gateway  # noqa: B018
        except Faulty as error:
            raise SettingsRefused(f"The description of the gateway is wrong: {error}") from None
        super().open()

    @property
    def concurrency(self) -> int:  # type: ignore[override]
        return int(self.settings.get("connections") or CONNECTIONS)

    def call(self, envelope: Envelope) -> Call:
        to, text = number(envelope.address), envelope.text.strip()
        if not text:
            raise TransportError("The SMS has no text for this person.", permanent=True)
        if len(text) > LONGEST:
            words = f"The SMS has {formats.number(len(text))} characters for this person; the most are"
            raise TransportError(f"{words} {formats.number(LONGEST)}.", permanent=True)
        encoding = self.gateway.encodings[septets.encoding_of(text) == septets.UCS2]
        copy = {"to": to, "from": self.sender(envelope), "text": text, "key": envelope.key}
        if self.callback_url:
            copy["copy_callback_url"] = f"{self.callback_url}?{urlencode({'key': envelope.key})}"
        return self.gateway.call({**self._values(), **copy, "encoding": encoding})

    @classmethod
    def unsendable(cls, content: Mapping[str, Any]) -> dict[str, str]:
        """Return {field: words} of content that an SMS cannot carry."""
        files = content.get("attachments")
        return {"attachments": "An SMS carries no files: put a link into its text."} if files else {}

    def sender(self, envelope: Envelope) -> str:
        """Return the sender for the recipient's country; by default that of the channel."""
        senders: Mapping[str, str] = self.settings.get("senders") or {}
        found = (senders.get(place) for place in (places_of(envelope.address) if senders else ()))
        return next(filter(None, found), envelope.sender)

    def _values(self) -> dict[str, str]:
        base = self.settings.get("base_url") or self.gateway.base_url
        return {
            "base": base.rstrip("/"),
            "account": self.settings.get("account") or "",
            "secret": self.settings.get("secret_key") or "",
            "callback_url": self.callback_url,
            **dict.fromkeys(OF_COPY, ""),
        }

    def probe(self) -> Call | None:
        return self.gateway.check_call(self._values())

    async def _hand_over(self, envelope: Envelope) -> Outcome:
        outcome = await super()._hand_over(envelope)
        if isinstance(outcome, Receipt):
            outcome.segments = septets.segments(envelope.text.strip())
        return outcome

    def receipt(self, answer: Answer) -> Receipt:
        path = self.gateway.answer.get("id", "")
        document = answer.json if path or self.gateway.answer else None
        if not self.gateway.is_accepted(document):
            raise self._refused(self.gateway.code_in(document), answer, "The gateway")
        provider_id = text_at(document, path)
        flaw = "" if provider_id or not path else NO_ID.format(path)
        return Receipt(provider_id=provider_id, detail=str(answer), flaw=flaw)

    def refusal(self, answer: Answer, host: str) -> TransportError:
        try:
            code = self.gateway.code_in(answer.json)
        except ValueError:
            code = ""
        known = self.gateway.meaning(code)[0]
        return self._refused(code, answer, f"The gateway {host}") if known else super().refusal(answer, host)

    def _refused(self, code: str, answer: Answer, who: str) -> TransportError:
        """Return the error that a code of the gateway means; one that is not known concerns this copy, for good."""
        meaning, words = self.gateway.meaning(code)
        told = f"{who} refused it{f' with its code {code[:40]}' if code else ''}{f': {words}' if words else ''}."
        flags: dict[str, Any] = MEANINGS.get(meaning, MEANINGS["permanent"])
        return TransportError(told, code=code[:40], retry_after=answer.retry_after, **flags)

    def verify(self, request: CallbackRequest) -> bool:
        signature = self.gateway.signature
        secret = self.settings.get("signing_secret") or ""
        if signature in ALWAYS_SIGNED:
            secret = secret or self.settings.get("secret_key") or ""
        elif not secret:
            return True  # the address is a secret of the channel and of its gateway
        return bool(secret) and SIGNATURES[signature](request, secret)

    def parse(self, request: CallbackRequest) -> Callback:
        is_body_only = self.gateway.signature in OF_BODY and bool(self.settings.get("signing_secret"))
        document = document_of(replace(request, url="") if is_body_only else request)
        reports, replies = self.gateway.callback, self.gateway.reply
        return Callback(
            events=[event for item in items(document, reports.get("each", "")) if (event := self._event(item))],
            replies=[reply for item in items(document, replies.get("each", "")) if (reply := self._reply(item))],
        )

    def _event(self, item: Mapping[str, Any]) -> Event | None:
        paths = self.gateway.callback
        provider_id, status, code = (text_at(item, paths.get(name, "")) for name in ("id", "status", "code"))
        fact = self.gateway.statuses.get(status.lower(), "")
        if not (provider_id and fact):
            return None
        meaning, words = self.gateway.meaning(code)
        detail: dict[str, Any] = {"status": status, **({"code": code[:LONGEST_CODE]} if code else {})}
        if words:
            detail["reason"] = words
        if fact == "bounced" and meaning == "bounced":
            detail["hard"] = True
        key = text_at(item, paths.get("key", ""))
        return Event(provider_id, fact, moment_at(item, paths.get("at", "")), detail, key=key)

    def _reply(self, item: Mapping[str, Any]) -> InboundMessage | None:
        paths = self.gateway.reply
        sender, provider_id = (text_at(item, paths.get(name, "")) for name in ("from", "id"))
        text = text_at(item, paths.get("text", ""))
        if not (sender and text) or text_at(item, self.gateway.callback.get("status", "")):
            return None
        at, answers = moment_at(item, paths.get("at", "")), text_at(item, paths.get("answers", ""))
        return InboundMessage(number(sender), text, at, item, provider_id, answers)
