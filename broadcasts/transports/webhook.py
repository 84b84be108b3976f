"""The webhook: each copy is a JSON document for the one URL of the channel, signed as Standard Webhooks.

docs/channels.md describes the document and the answers. The receiver takes each `webhook-id` once, so a copy whose
answer was lost is sent again.
"""

import json
from typing import Any

from django import forms

from .base import Envelope, File, Receipt, SettingsForm, TransportError
from .fields import UrlField
from .http import Answer, Call, Http
from .standard import key_of, signed_headers

CONNECTIONS = 20


class WebhookSettings(SettingsForm):
    secret = frozenset({"signing_secret", "previous_secret"})

    url = UrlField(label="URL", help_text="Every copy is posted there, such as https://example.org/broadcasts.")
    signing_secret = forms.CharField(
        widget=forms.PasswordInput,
        help_text="whsec_ and 24 to 64 random bytes in base64, as `openssl rand -base64 32` prints them.",
    )
    rotating = forms.BooleanField(
        required=False, help_text="Sign with the previous secret too, until all receivers know the new one."
    )
    previous_secret = forms.CharField(
        required=False, widget=forms.PasswordInput, help_text="Forgotten when the box above is not ticked."
    )
    connections = forms.IntegerField(
        required=False,
        initial=CONNECTIONS,
        min_value=1,
        max_value=100,
        help_text=f"Calls at once from each worker. Blank: {CONNECTIONS}.",
    )

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not values.get("rotating"):
            values["previous_secret"] = ""
        elif not values.get("previous_secret"):
            self.add_error("previous_secret", "Give the secret that receivers know so far.")
        for name in ("signing_secret", "previous_secret"):
            try:
                key_of(values[name]) if values.get(name) else None
            except ValueError as error:
                self.add_error(name, str(error))
        return values


class Webhook(Http):
    kind = "webhook"
    label = "Webhook"
    medium = "webhook"
    address_field = "external_id"
    needs_context = True
    deduplicates = True
    reads_answer = False
    settings_form = WebhookSettings

    @property
    def concurrency(self) -> int:  # type: ignore[override]
        return int(self.settings.get("connections") or CONNECTIONS)

    def call(self, envelope: Envelope) -> Call:
        body = json.dumps(document(envelope), ensure_ascii=False).encode()
        secrets = [self.settings[name] for name in ("signing_secret", "previous_secret") if self.settings.get(name)]
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": envelope.key,
            **signed_headers(secrets, envelope.key, body),
        }
        return Call(self.settings["url"], body, headers)

    @classmethod
    def source(cls, envelope: Envelope) -> str:
        return json.dumps(document(envelope), ensure_ascii=False, indent=2)

    def receipt(self, answer: Answer) -> Receipt:
        return Receipt(detail=str(answer))

    def refusal(self, answer: Answer, host: str) -> TransportError:
        """Return the error; a URL that is not there (404, 405, 410) concerns the whole channel."""
        error = super().refusal(answer, host)
        if answer.status in (404, 405, 410):
            words = f"The server {host} answered {answer}: nothing takes broadcasts at the channel's URL."
            return TransportError(words, permanent=True, account=True, code=error.code)
        return error


def document(envelope: Envelope) -> dict[str, Any]:
    """Return the JSON document of a copy, the same for each attempt; addresses of files are new every day."""
    context = dict(envelope.context)
    return {
        "type": "message",
        "timestamp": context.pop("started_at", None),
        "data": {
            "delivery": envelope.key,
            **context,
            "recipient": context.get("recipient") or {"address": envelope.address},
            "sender": envelope.sender,
            "subject": envelope.subject,
            "text": envelope.text,
            "html": envelope.html,
            "media": [_file(one) for one in envelope.media],
            "quick_replies": list(envelope.quick_replies),
            "parameters": dict(envelope.parameters),
        },
    }


def _file(file: File) -> dict[str, Any]:
    return {"name": file.name, "content_type": file.content_type, "size": file.size, "url": file.url}
