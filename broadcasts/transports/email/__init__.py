"""E-mail: over SMTP, or through a Django e-mail backend that the operator offers."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..base import Begin, Envelope, Outcome, Receipt, SettingsRefused, Transport, unnoticed
from ..callbacks import Callback, CallbackRequest
from .account import Account
from .backend import Backend, speaks_smtp
from .pipeline import Pipeline
from .reports import read
from .settings import EmailSettings


class Email(Transport):
    kind = "email"
    label = "E-mail"
    carries_mail = True
    refuses_by_smtp = True
    settings_form = EmailSettings
    reports = frozenset()  # not known whether anybody has the mails read that come back; what they tell is shown
    reads_mail = True

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        account, backend = Account.read(settings), settings.get("backend")
        self.carrier = Backend(backend, account) if backend else Pipeline(account)
        self.concurrency = 1 if backend else account.connections * account.in_flight

    @classmethod
    def sends_as_composed(cls, settings: Mapping[str, Any]) -> bool:
        try:
            return speaks_smtp(settings.get("backend"))
        except SettingsRefused:  # the operator does not offer the backend any more
            return False

    def open(self) -> None:
        self.carrier.open()

    def close(self) -> None:
        self.carrier.close()

    def check(self) -> None:
        try:
            self.carrier.check()
        finally:
            self.close()

    def parse(self, request: CallbackRequest) -> Callback:
        return read(request.body)

    def deliver(self, envelope: Envelope) -> Receipt:
        return self.carrier.deliver(envelope)

    def send(
        self, envelopes: Iterable[Envelope], until: float = math.inf, begin: Begin = unnoticed
    ) -> Iterator[tuple[Envelope, Outcome]]:
        if isinstance(self.carrier, Pipeline):
            return self.carrier.send(envelopes, until, begin)
        return super().send(envelopes, until, begin)
