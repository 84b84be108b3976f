"""Fields and checks that the settings forms of several kinds share."""

import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.validators import RegexValidator

from broadcasts.json_field import JsonFormField
from broadcasts.outgoing import ClosedAddress, check_host

CURRENCY = re.compile(r"[A-Z]{3}")
NO_CURRENCY = "Use the three letters of ISO 4217, such as EUR."


class JsonObjectField(JsonFormField):
    """A JSON object that may be left blank."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return super().prepare_value(value) if value else ""


class UrlField(forms.CharField):
    """An address that will be called: https or http, with a host that the address policy does not rule out.

    One that paths are added to has no query.
    """

    def __init__(self, example: str = "https://example.org/hook", has_query: bool = True, **kwargs: Any) -> None:
        self.example, self.has_query = example, has_query
        super().__init__(max_length=2000, widget=forms.URLInput(attrs={"class": "vTextField"}), **kwargs)

    def clean(self, value: Any) -> str:
        url = super().clean(value)
        if url:
            check_url(url, self.example, has_query=self.has_query)
        return url


def check_url(url: str, example: str, *, has_query: bool = True) -> None:
    """Raise ValidationError that says why a URL cannot be called."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = None, None
    if parts is None or parts.scheme not in ("https", "http") or not host or not url.isprintable() or " " in url:
        raise forms.ValidationError(f"“{url[:100]}” is no address to call; give one such as {example}.")
    if parts.username is not None or parts.password is not None:
        raise forms.ValidationError("A username or password does not belong in the address: it would be shown.")
    if parts.fragment:
        raise forms.ValidationError("The address has a part after #, which is never sent; leave it out.")
    if parts.query and not has_query:
        raise forms.ValidationError("A path is added to this address, so it cannot have a part after ?.")
    refuse_closed(host)


def one_line(name: str) -> RegexValidator:
    """Return a validator that refuses line breaks and other control characters, which no header can have."""
    return RegexValidator(r"^[^\x00-\x1f\x7f]*\Z", f"Line breaks and control characters are not possible in {name}.")


def refuse_closed(host: str) -> None:
    """Raise ValidationError for a host that the address policy rules out without resolving it."""
    try:
        check_host(host)
    except (ClosedAddress, ValueError) as error:
        raise forms.ValidationError(str(error)) from None


def clean_host(host: str) -> str:
    """Return the name or IP address of a host, as it is stored; raise ValidationError for what is none or is closed."""
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
