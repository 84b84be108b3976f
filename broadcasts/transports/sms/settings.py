"""The settings form of an SMS channel."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import phonenumbers
from django import forms

from ..base import SettingsForm
from ..fields import CURRENCY, NO_CURRENCY, JsonObjectField, UrlField, one_line
from .gateway import Faulty, Gateway
from .presets import PRESETS

CONNECTIONS = 20
ALPHANUMERIC = re.compile(r"[A-Za-z0-9 ._+&-]{1,15}")


def presets() -> list[tuple[str, str]]:
    return [(name, label) for name, (label, _) in PRESETS.items()]


class SmsSettings(SettingsForm):
    secret = frozenset({"secret_key", "signing_secret"})
    secret_for = frozenset({"preset", "base_url", "description"})  # where the secret is sent

    preset = forms.ChoiceField(label="Gateway", choices=presets, initial="twilio")
    account = forms.CharField(
        required=False,
        max_length=255,
        validators=[one_line("an account")],
        help_text="Twilio: account SID. Vonage: API key. Sinch: service plan id. Africa's Talking: username. "
        "Infobip: leave blank.",
    )
    secret_key = forms.CharField(
        required=False,
        strip=False,
        validators=[one_line("a key")],
        widget=forms.PasswordInput,
        help_text="Twilio: auth token. Vonage: API secret. Infobip, Africa's Talking: API key. Sinch: API token.",
    )
    signing_secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput,
        help_text="What the gateway signs its callbacks with, if it has an own secret for that (Vonage, Sinch). Blank: "
        "unsigned callbacks are accepted, except those of Twilio, which signs with the auth token.",
    )
    base_url = UrlField(
        "https://sms.example.org",
        has_query=False,
        label="Base address",
        required=False,
        help_text="Blank: that of the gateway. Infobip and Sinch: the one shown in your account, such as "
        "https://abc123.api.infobip.com.",
    )
    description = JsonObjectField(
        required=False,
        help_text="Only for “other”: how the gateway is called and what it answers, as JSON; docs/channels.md tells "
        "how. Blank: JSON with to, from, text and callback_url to {base}/messages, and {&quot;id&quot;: ...} back.",
    )
    senders = JsonObjectField(
        required=False,
        label="Senders by country",
        help_text="By country or calling code, where it is not the sender above: "
        "{&quot;US&quot;: &quot;+15550100&quot;, &quot;44&quot;: &quot;Club&quot;}.",
    )
    price_per_segment = forms.DecimalField(
        required=False, min_value=Decimal(0), max_digits=10, decimal_places=6, help_text="What one segment costs."
    )
    currency = forms.CharField(required=False, max_length=3, help_text="Of the price, such as EUR.")
    connections = forms.IntegerField(
        required=False,
        initial=CONNECTIONS,
        min_value=1,
        max_value=100,
        help_text=f"Calls at once from each worker. Blank: {CONNECTIONS}.",
    )

    def clean_description(self) -> dict[str, Any] | None:
        description = self.cleaned_data["description"]
        if not description:
            return None
        if self.cleaned_data.get("preset") != "other":
            raise forms.ValidationError("A description belongs to the gateway “other”; leave it blank for a preset.")
        try:
            base_url = Gateway.read(description).base_url
        except Faulty as error:
            raise forms.ValidationError(str(error)) from None
        try:
            UrlField("https://sms.example.org", has_query=False, required=False).clean(base_url)
        except forms.ValidationError as error:
            raise forms.ValidationError(f"base_url: {' '.join(error.messages)}") from None
        return description

    def clean_senders(self) -> dict[str, str]:
        senders = self.cleaned_data["senders"] or {}
        if not isinstance(senders, dict):
            raise forms.ValidationError('Give an object, such as {"US": "+15550100", "44": "Club"}.')
        for place, sender in senders.items():
            code = place.removeprefix("+")
            known = int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE if code.isdecimal() else False
            if not known and place not in phonenumbers.SUPPORTED_REGIONS:
                raise forms.ValidationError(
                    f"“{place[:40]}” is no country; use ISO 3166 in capitals such as US, or a calling code such as 44."
                )
            if not isinstance(sender, str) or not ALPHANUMERIC.fullmatch(sender):
                raise forms.ValidationError(f"{place}: a sender is a number, or a name of letters and digits.")
        return senders

    def clean_price_per_segment(self) -> str:
        price = self.cleaned_data["price_per_segment"]
        return "" if price is None else f"{price.normalize():f}"

    def clean_currency(self) -> str:
        currency = self.cleaned_data["currency"].strip().upper()
        if currency and not CURRENCY.fullmatch(currency):
            raise forms.ValidationError(NO_CURRENCY)
        return currency

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("price_per_segment") and not (values.get("currency") or "currency" in self.errors):
            self.add_error("currency", "The price needs its currency, such as EUR.")
        if "preset" in values and "description" not in self.errors:
            self._check_needs(values)
        return values

    def _check_needs(self, values: dict[str, Any]) -> None:
        """Check that the values which the description uses are there."""
        described = description_of(values)
        used = str([described.get(name) for name in ("url", "auth", "headers", "query", "form", "json")])
        for placeholder, name in (("{account}", "account"), ("{secret}", "secret_key")):
            if placeholder in used and not values.get(name):
                self.add_error(name, "This gateway needs it.")
        if values.get("signing_secret") and described.get("signature", "none") == "none":
            self.add_error("signing_secret", "This gateway does not sign its callbacks; leave it blank.")
        if not (values.get("base_url") or described.get("base_url") or "base_url" in self.errors):
            self.add_error("base_url", "This gateway needs it, such as https://sms.example.org.")


def description_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description that a channel's settings choose."""
    return settings.get("description") or PRESETS[settings.get("preset") or "other"][1]
