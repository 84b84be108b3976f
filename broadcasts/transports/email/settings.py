"""The settings form of an e-mail channel."""

import re
from ipaddress import ip_address
from typing import Any

from django import forms
from django.conf import settings

from ..base import SettingsForm, SettingsRefused
from ..fields import refuse_closed
from .account import CONNECTIONS, IN_FLIGHT, LONGEST, MESSAGES_PER_CONNECTION, TIMEOUT
from .backend import backend_class, speaks_smtp


def backends() -> list[tuple[str, str]]:
    """The backends that the operator offers, by their labels."""
    return [("", "None: SMTP to the host above"), *((label, label) for label in settings.EMAIL_BACKENDS)]


class BackendField(forms.ChoiceField):
    """One of the operator's backends; what is wrong is told in the words that sending would use."""

    def validate(self, value: str) -> None:
        forms.Field.validate(self, value)
        try:
            if value:
                backend_class(value)
        except SettingsRefused as error:
            raise forms.ValidationError(str(error)) from None


class EmailSettings(SettingsForm):
    secret = frozenset({"password"})
    secret_for = frozenset({"host", "port", "username", "backend"})

    host = forms.CharField(
        required=False,
        help_text="The SMTP server, such as smtp.example.org. Replies "
        "go to the mailbox of the From or Reply-To address; no mailbox is read, so none come to the inbox.",
    )
    port = forms.IntegerField(
        required=False, min_value=1, max_value=65535, help_text="Blank: 587 with STARTTLS, 465 with TLS, else 25."
    )
    security = forms.ChoiceField(
        initial="starttls",
        choices=[("starttls", "STARTTLS"), ("tls", "TLS from the start"), ("none", "None: nothing is encrypted")],
    )
    username = forms.CharField(required=False, help_text="Blank: the server wants no login.")
    password = forms.CharField(required=False, strip=False, widget=forms.PasswordInput)
    timeout = forms.IntegerField(
        initial=TIMEOUT, min_value=1, max_value=LONGEST, help_text="Seconds to wait for each of the server's answers."
    )
    # A choice and not a check box: what a client leaves out must never turn verification off.
    verify_certificates = forms.TypedChoiceField(
        required=False,
        initial=True,
        empty_value=True,  # type: ignore[arg-type]
        choices=[(True, "Yes"), (False, "No: trust whoever answers")],
        coerce=lambda value: value == "True",
    )
    messages_per_connection = forms.IntegerField(
        initial=MESSAGES_PER_CONNECTION, min_value=1, help_text="A new connection is made after so many."
    )
    connections = forms.IntegerField(
        required=False,
        initial=CONNECTIONS,
        min_value=1,
        max_value=32,
        help_text=f"At most so many at a time from each worker; fewer if the server has no room. Blank: {CONNECTIONS}.",
    )
    in_flight = forms.IntegerField(
        required=False,
        initial=IN_FLIGHT,
        min_value=1,
        max_value=8,
        label="Messages in flight",
        help_text="On each connection. More are faster with a server that is far away and offers CHUNKING; but of a "
        f"connection that breaks, so many messages may or may not have arrived. Blank: {IN_FLIGHT}.",
    )
    backend = BackendField(
        required=False,
        choices=backends,
        help_text="Advanced: what carries the mail instead, of what the operator of this server offers.",
    )

    def clean_host(self) -> str:
        host = self.cleaned_data["host"]
        try:
            host = str(ip_address(host))
        except ValueError:
            if not re.fullmatch(r"[\w.-]*", host) or ".." in host or len(host) > 253:
                raise forms.ValidationError(
                    f"“{host}” is not a host; give its name or IP address alone, such as smtp.example.org. "
                    "The port has a field of its own."
                ) from None
        refuse_closed(host)
        return host

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not (values.get("host") or {"host", "backend"} & set(self.errors)) and speaks_smtp(values.get("backend")):
            self.add_error("host", "A host of its own is needed, such as smtp.example.org.")
        if not values.get("username"):
            values["password"] = ""
        elif not values.get("password"):
            self.add_error("password", "The username needs a password; leave both blank for a server without login.")
        elif not (values["username"] + values["password"]).isascii():
            self.add_error("password", "Only ASCII letters, digits and signs can be sent as username and password.")
        return values
