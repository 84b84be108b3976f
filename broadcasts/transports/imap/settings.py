"""The settings forms of mailboxes, one for each way to sign in."""

from typing import Any
from urllib.parse import urlsplit

from django import forms

from broadcasts.outgoing import is_opened

from ..base import SettingsForm
from ..fields import UrlField, one_line

EXAMPLE = "https://oauth2.googleapis.com/token"


def secret_field(**options: Any) -> forms.CharField:
    return forms.CharField(
        strip=False, max_length=4000, validators=[one_line("a secret")], widget=forms.PasswordInput, **options
    )


class PasswordSignIn(SettingsForm):
    """A password of the mailbox, or one that its provider makes for an application."""

    secret = frozenset({"password"})

    password = secret_field(help_text="Of the mailbox, or an app password where its provider wants one.")


class OAuth2SignIn(SettingsForm):
    """OAuth 2 (RFC 6749): an access token is asked for at each look, and shown to the server by SASL XOAUTH2."""

    secret = frozenset({"client_secret", "refresh_token"})
    secret_for = frozenset({"token_url", "client_id"})

    token_url = UrlField(
        EXAMPLE, label="Token URL", help_text=f"Where access tokens are made, such as {EXAMPLE}; see the documentation."
    )
    client_id = forms.CharField(max_length=255, label="ImapClient id", validators=[one_line("a client id")])
    client_secret = secret_field(required=False, help_text="Blank: the application is a public one without a secret.")
    refresh_token = secret_field(
        required=False,
        help_text="That the owner of the mailbox granted. Blank: the application signs in as itself (client "
        "credentials), which Microsoft 365 allows.",
    )
    scope = forms.CharField(
        required=False,
        max_length=1000,
        validators=[one_line("a scope")],
        help_text="Blank: what the refresh token was granted.",
    )

    def clean_token_url(self) -> str:
        url: str = self.cleaned_data["token_url"]
        if not url.startswith("https://") and not is_opened(urlsplit(url).hostname or ""):
            raise forms.ValidationError("Secrets are sent there, so the address must begin with https://.")
        return url

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not (values.get("refresh_token") or values.get("client_secret")):
            self.add_error("refresh_token", "Give a refresh token, or a client secret, or both.")
        return values


SIGN_INS: dict[str, type[SettingsForm]] = {"password": PasswordSignIn, "oauth2": OAuth2SignIn}
