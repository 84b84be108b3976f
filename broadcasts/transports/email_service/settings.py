"""The settings form of an e-mail service."""

import base64
import binascii
import re
from typing import Any
from urllib.parse import urlsplit

from django import forms

from ..base import SettingsForm
from ..fields import refuse_closed
from .services import SERVICES, Proof

LABELS = {name: service.label.partition(" (")[0] for name, service in SERVICES.items()}
REGIONS = list(dict.fromkeys(region for service in SERVICES.values() for region in service.urls if region))
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z]{2}[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?")

PRINTABLE = re.compile(r"[!-~]*")


def only_for(*names: str) -> dict[str, str]:
    """Return the attributes of a field that belongs to some services; a script hides it for the others."""
    return {"data-only-for": " ".join(names), "data-chosen-by": "service"}


def _taking(setting: str) -> list[str]:
    return [name for name, service in SERVICES.items() if setting in service.settings]


def _regional() -> list[str]:
    return [name for name, service in SERVICES.items() if len(service.urls) > 1]


def _offered(name: str) -> str:
    return " or ".join(region or "blank" for region in SERVICES[name].urls)


class EmailServiceSettings(SettingsForm):
    secret = frozenset({"api_key", "webhook_secret"})
    secret_for = frozenset({"service", "region", "server", "key_id", "domain"})

    service = forms.ChoiceField(choices=[("", "Choose one"), *((name, one.label) for name, one in SERVICES.items())])
    key_id = forms.CharField(
        required=False,
        label="Key id",
        max_length=200,
        help_text="Amazon SES: the access key id. Mailjet: the API key.",
        widget=forms.TextInput(attrs=only_for(*_taking("key_id"))),
    )
    api_key = forms.CharField(
        required=False,
        label="API key",
        max_length=1000,
        widget=forms.PasswordInput,
        help_text="The service's API key or token, with the right to send. Amazon SES: the secret access key. "
        "Postmark: the server token. Mailjet, Scaleway: the secret key.",
    )
    region = forms.ChoiceField(
        required=False,
        choices=[("", "The service's first"), *((region, region) for region in REGIONS)],
        help_text="Where the account is. "
        + " ".join(f"{LABELS[name]}: {_offered(name)}." for name in _regional() if name != "ses")
        + " Amazon SES: the AWS region.",
        widget=forms.Select(attrs=only_for(*_regional())),
    )
    domain = forms.CharField(
        required=False,
        label="Sending domain",
        max_length=253,
        help_text="Mailgun: the domain that is verified there, such as mg.example.org.",
        widget=forms.TextInput(attrs=only_for(*_taking("domain"))),
    )
    project = forms.CharField(
        required=False,
        label="Project id",
        max_length=100,
        help_text="Scaleway: the project's id.",
        widget=forms.TextInput(attrs=only_for(*_taking("project"))),
    )
    stream = forms.CharField(
        required=False,
        label="Stream",
        max_length=200,
        help_text="Postmark: the message stream, such as broadcast. Amazon SES: the configuration set whose events "
        "come back. SparkPost: the number of a subaccount. Blank: the account's own.",
        widget=forms.TextInput(attrs=only_for(*_taking("stream"))),
    )
    server = forms.URLField(
        required=False,
        assume_scheme="https",
        label="Server",
        help_text="Postal: the address of your server, such as https://postal.example.org.",
        widget=forms.URLInput(attrs=only_for(*_taking("server"))),
    )
    webhook_secret = forms.CharField(
        required=False,
        label="Webhook secret",
        max_length=2000,
        widget=forms.PasswordInput,
        help_text="Blank: no reports are taken. A service that signs its calls: the key or secret that it shows for "
        "the webhook (SendGrid, Postal: the public key; Mailgun: the HTTP webhook signing key). Amazon SES: the ARN "
        "of the SNS topic. Postmark, Brevo, Mailjet, SparkPost: a long password of your own, for the user "
        "“broadcasts” in the address that you give them. Replies by mail come to the inbox where the service hands "
        "mail on to this address (docs/email-services.md).",
    )

    def clean_domain(self) -> str:
        domain = self.cleaned_data["domain"].lower()
        if domain and not re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+", domain):
            raise forms.ValidationError("Give the domain alone, such as mg.example.org.")
        return domain

    def clean_server(self) -> str:
        server = self.cleaned_data["server"]
        if not server:
            return ""
        parts = urlsplit(server)
        if parts.scheme != "https" or parts.username or parts.query or parts.fragment:
            raise forms.ValidationError("Give the address of your server alone, such as https://postal.example.org.")
        refuse_closed(parts.hostname or "")
        return server

    def clean_api_key(self) -> str:
        if not PRINTABLE.fullmatch(self.cleaned_data["api_key"]):
            raise forms.ValidationError("It has characters that no key has; copy it again from the service.")
        return self.cleaned_data["api_key"]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        service = SERVICES.get(values.get("service", ""))
        if service is None:
            return values
        for setting in set(service.settings) - service.optional - {"region"} - set(self.errors):
            if not values.get(setting):
                self.add_error(setting, f"{service.label} needs it.")
        if (region := values.get("region")) and region not in service.urls:
            offered = ", ".join(filter(None, service.urls))
            words = f"these: {offered}." if offered else "none; leave it blank."
            self.add_error("region", f"{service.label} has {words}")
        for setting in {"key_id", "domain", "project", "stream", "server"} - set(service.settings) - set(self.errors):
            values[setting] = ""  # of another service, which was chosen before
        if secret := values.get("webhook_secret"):
            values["webhook_secret"] = self._webhook_secret(secret, service.proof)
        return values

    def _webhook_secret(self, secret: str, proof: Proof) -> str:
        if proof is Proof.PUBLIC_KEY:
            return self._bare_key(secret)
        words = ""
        if proof is Proof.TOPIC and not TOPIC.fullmatch(secret):
            words = "Give the ARN of the SNS topic, such as arn:aws:sns:eu-west-1:123456789012:ses-events."
        elif proof is Proof.PASSWORD and not re.fullmatch(r"[\w.~-]{16,200}", secret, re.ASCII):
            words = "Give at least 16 letters, digits, dots, dashes or underscores: it becomes part of an address."
        elif not PRINTABLE.fullmatch(secret):
            words = "It has characters that no secret has; copy it again from the service."
        if words:
            self.add_error("webhook_secret", words)
        return secret

    def _bare_key(self, secret: str) -> str:
        """Return a public key without the lines that frame it."""
        bare = "".join(re.sub(r"-----[A-Z ]+-----", "", secret).split())
        try:
            base64.b64decode(bare, validate=True)
        except binascii.Error:
            self.add_error("webhook_secret", "It is no public key; copy it whole from the service.")
        return bare
