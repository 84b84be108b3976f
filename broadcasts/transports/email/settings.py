"""What staff fill in for an e-mail channel."""

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from django import forms

from ..base import SettingsForm, TransportError
from .account import CONNECTIONS, LONGEST, MESSAGES_PER_CONNECTION, TIMEOUT
from .backend import backend_class


class EmailSettings(SettingsForm):
    secret = frozenset({"password"})
    secret_for = frozenset({"host", "port", "username", "backend"})

    host = forms.CharField(required=False, help_text="The SMTP server, such as smtp.example.org.")
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
    backend = forms.CharField(
        required=False,
        help_text=(
            "Advanced: the dotted path of a Django e-mail backend that carries the mail instead. "
            "It must send what the message's message() returns."
        ),
    )

    def clean_host(self) -> str:
        host = self.cleaned_data["host"]
        with suppress(ValueError):
            return str(ip_address(host))
        if not re.fullmatch(r"[\w.-]*", host) or ".." in host or len(host) > 253:
            raise forms.ValidationError(
                f"“{host}” is not a host; give its name or IP address alone, such as smtp.example.org. "
                "The port has a field of its own."
            )
        return host

    def clean_backend(self) -> str:
        path = self.cleaned_data["backend"]
        if path:
            try:
                backend_class(path)
            except TransportError as error:
                raise forms.ValidationError(str(error)) from None
        return path

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not (values.get("host") or "host" in self.errors or values.get("backend") or "backend" in self.errors):
            self.add_error("host", "A host is needed, such as smtp.example.org, unless a backend is given.")
        if not values.get("username"):
            values["password"] = ""
        elif not values.get("password"):
            self.add_error("password", "The username needs a password; leave both blank for a server without login.")
        elif not (values["username"] + values["password"]).isascii():
            self.add_error("password", "Only ASCII letters, digits and signs can be sent as username and password.")
        return values
