"""E-mail services: Amazon SES, SendGrid, Mailgun, Postmark and the others that django-anymail knows.

anymail makes each service's request and reads its answer and its callbacks; the base class `Http` carries the requests.
So the address policy, the limits of time and size, and what a lost answer means are those of every HTTP transport.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urljoin

import requests
from anymail.backends.base_requests import AnymailRequestsBackend, RequestsPayload
from anymail.exceptions import AnymailError
from django.core.mail import EmailMultiAlternatives
from django.utils.module_loading import import_string

from ..base import Envelope, Receipt, SettingsRefused, TransportError
from ..callbacks import Callback, CallbackRequest
from ..http import Answer, Call, Http
from . import sns, webhooks
from .composing import ServiceMessage, service_message
from .refusals import own_code, refusal
from .services import SERVICES, Proof, Service
from .settings import EmailServiceSettings
from .sns import Topic


@dataclass(frozen=True)
class ServiceCall(Call):
    """A request, with what is needed to read its answer."""

    payload: RequestsPayload | None = None
    message: Any = None


class EmailService(Http):
    kind = "email_service"
    label = "E-mail service"
    carries_mail = True
    calls_back = True
    settings_form = EmailServiceSettings
    reports = frozenset({"delivered", "bounced", "opened", "clicked", "complained"})
    concurrency = 20

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.name = str(settings.get("service") or "")

    @cached_property
    def service(self) -> Service:
        if self.name not in SERVICES:
            raise SettingsRefused(f"The channel's service is “{self.name:.40}”; choose one of: {', '.join(SERVICES)}.")
        return SERVICES[self.name]

    @cached_property
    def backend(self) -> AnymailRequestsBackend:
        """The service's backend for the channel's account, without any setting of the operator's for anymail."""
        service, values = self.service, self.settings
        keywords = {keyword: values[name] for name, keyword in service.settings.items() if keyword and values.get(name)}
        if "region" in keywords.keys() | set(service.settings.values()):
            keywords["region"] = values.get("region") or next(iter(service.urls))
        url = service.url(self.name, values)
        if missing := sorted(set(service.settings) - service.optional - {"region"} - values_given(values)):
            raise SettingsRefused(f"{service.label} needs {', '.join(missing)}; set it in the channel's settings.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anymail warns that nobody tests SendGrid for it any more; we do
            backend = import_string(service.backend)(
                api_url=url,
                ignore_unsupported_features=False,
                ignore_recipient_status=False,
                debug_api_requests=False,
                **keywords,
            )
        backend.send_defaults = {}
        return backend

    def call(self, envelope: Envelope) -> Call:
        return self._call(service_message(envelope, self.service))

    def _call(self, message: ServiceMessage) -> ServiceCall:
        try:
            payload = self.backend.build_message_payload(message, {})
            prepared = _prepared(payload.get_request_params(self.backend.api_url))
        except AnymailError as error:
            raise TransportError(f"{self.service.label} cannot be sent this message: {error}", permanent=True) from None
        return ServiceCall(**prepared, payload=payload, message=message)

    def receipt(self, answer: Answer) -> Receipt:
        call, response = answer.call, requests.Response()
        assert isinstance(call, ServiceCall)
        response.status_code, response._content, response.encoding = answer.status, answer.body, "utf-8"
        response.headers.update(answer.headers)
        try:
            told = self.backend.parse_recipient_status(response, call.payload, call.message)
        except AnymailError:
            if self.service.is_self_hosted and own_code(self.service, answer):  # it refuses with status 200
                raise self.refusal(answer, call.host) from None
            raise
        status = next((one for one in told.values() if one.status), None)
        if status is None or status.status in ("invalid", "rejected", "failed"):
            raise self._refused(answer, status.status if status else "rejected")
        return Receipt(str(status.message_id or ""), f"{self.service.label}: {status.status}")

    def _refused(self, answer: Answer, status: str) -> TransportError:
        error = self.refusal(answer, self.service.label)
        words = str(error).partition(": ")[2] or "it does not say why"
        return TransportError(
            f"{self.service.label} refused the recipient ({status}): {words}",
            permanent=True,
            bounced=status == "invalid" or b'"hard-bounce"' in answer.body,  # so Mandrill tells it
            code=error.code,
        )

    def refusal(self, answer: Answer, host: str) -> TransportError:
        error = refusal(self.service, answer, host)
        for name in EmailServiceSettings.secret:
            if secret := self.settings.get(name):
                error.args = (str(error).replace(secret, "***"),)
        return error

    def check(self) -> None:
        self.open()
        try:
            call = self._probe_call()
            answer = self._run(self._exchange(call))
            if not self._is_let_in(answer):
                raise self.refusal(answer, call.host)
        finally:
            self.close()

    def _probe_call(self) -> Call:
        """Return the request that checks the account: with the credentials that a message would have."""
        probe, where = self.service.probe, {name: quote(str(value), safe="") for name, value in self.settings.items()}
        someone = EmailMultiAlternatives("", "", "probe@example.org", ["probe@example.org"])
        someone.mime, someone.address = b"", "probe@example.org"  # type: ignore[attr-defined]
        params = self.backend.build_message_payload(someone, {}).get_request_params(self.backend.api_url)
        body = {"key": self.settings["api_key"]} if probe.with_key else probe.body
        told = {
            "method": probe.method,
            "url": urljoin(self.backend.api_url, probe.path.format(**{"domain": "", "project": "", **where})),
            "headers": params["headers"],
            "auth": params["auth"],
        }
        return Call(**_prepared(told | ({} if body is None else {"json": body})))

    def _is_let_in(self, answer: Answer) -> bool:
        probe = self.service.probe
        if probe.restricted and probe.restricted.encode() in answer.body:
            return True
        if answer.status in probe.expects:
            return True
        meaning = self.service.meanings.get(own_code(self.service, answer))
        return answer.is_success and not (meaning and meaning.value.get("account"))

    @property
    def topic(self) -> Topic | None:
        """The SNS topic by which SES reports; None for all other services."""
        is_ses = self.service.proof is Proof.TOPIC
        return Topic(str(self.settings.get("webhook_secret") or ""), self._fetch) if is_ses else None

    def verify(self, request: CallbackRequest) -> bool:
        if webhooks.is_look(self.service, request):
            return True
        if topic := self.topic:
            return topic.verify(request)
        return webhooks.verify(self.service, self.settings, request)

    def parse(self, request: CallbackRequest) -> Callback:
        if webhooks.is_look(self.service, request):
            return Callback()
        if self.topic and (about := sns.subscription(request)) is not None:
            return Callback(confirms=about)
        return webhooks.parse(self.service, request)

    def confirm(self, confirms: str) -> None:
        self._fetch(sns.amazon(confirms))

    def _fetch(self, url: str) -> bytes:
        """Return what an address of Amazon's answers; raises TransportError."""
        self.open()
        try:
            answer = self._run(self._exchange(Call(url, method="GET")))
        finally:
            self.close()
        if not answer.is_success or not answer.is_whole:
            raise TransportError(f"Amazon SNS answered {answer}.")
        return answer.body


def values_given(values: Mapping[str, Any]) -> set[str]:
    """Return the names of settings that have a value."""
    return {name for name, value in values.items() if value}


def _prepared(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a Call for a request as the package `requests` would send it."""
    told = {name: value for name, value in params.items() if name != "timeout"}
    prepared = requests.Request(**told).prepare()
    body = prepared.body or b""
    headers = {
        name: value for name, value in prepared.headers.items() if name.lower() not in ("content-length", "host")
    }
    if body:
        headers.setdefault("Content-Type", "application/json")  # of Mandrill, where anymail leaves it out
    return {
        "method": prepared.method or "POST",
        "url": prepared.url or "",
        "body": body.encode() if isinstance(body, str) else body,
        "headers": headers,
    }
