"""E-mail: over SMTP, or through any Django e-mail backend."""

from collections.abc import Mapping
from typing import Any

from ..base import Envelope, Receipt, Transport
from .account import Account
from .backend import Backend
from .settings import EmailSettings
from .smtp import Smtp


class Email(Transport):
    kind = "email"
    label = "E-mail"
    carries_mail = True
    settings_form = EmailSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        account, path = Account.read(settings), settings.get("backend")
        self.carrier = Backend(path, account) if path else Smtp(account)

    def open(self) -> None:
        self.carrier.open()

    def close(self) -> None:
        self.carrier.close()

    def check(self) -> None:
        try:
            self.carrier.check()
        finally:
            self.close()

    def deliver(self, envelope: Envelope) -> Receipt:
        return self.carrier.deliver(envelope)
