"""The settings form of a WhatsApp channel."""

from django import forms
from django.core.validators import RegexValidator

from ..base import SettingsForm
from ..fields import UrlField

API_URL = "https://graph.facebook.com/v23.0"
IS_ID = RegexValidator(r"^[A-Za-z0-9_-]{1,64}\Z", "This is an id, such as 106540352242922; it has no spaces or signs.")


class WhatsAppSettings(SettingsForm):
    secret = frozenset({"access_token", "app_secret", "verify_token"})
    secret_for = frozenset({"api_url"})

    phone_number_id = forms.CharField(
        validators=[IS_ID], help_text="Of the number that sends: an id from WhatsApp Manager, not the number itself."
    )
    business_account_id = forms.CharField(
        validators=[IS_ID], help_text="Of the WhatsApp Business Account that has the templates."
    )
    access_token = forms.CharField(
        widget=forms.PasswordInput, help_text="Of a system user with whatsapp_business_messaging and _management."
    )
    app_secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput,
        help_text="Signs what WhatsApp calls back. Without it, callbacks are refused.",
    )
    verify_token = forms.CharField(
        required=False,
        widget=forms.PasswordInput,
        help_text="Words of your own: type the same ones where the app asks for its callback URL.",
    )
    api_url = UrlField(
        API_URL,
        has_query=False,
        label="API address",
        initial=API_URL,
        help_text="With the version. Another one is for a gateway of this shape.",
    )

    people_a_day = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1_000_000_000,
        help_text="To how many people it may begin to write, with a template, in any 24 hours; further ones wait. "
        "Blank: what WhatsApp tells when templates are synced. The numbers of a business share its limit: divide it "
        "among their channels.",
    )

    def clean_access_token(self) -> str:
        token = self.cleaned_data["access_token"]
        if not token.isascii() or not token.isprintable() or " " in token:
            raise forms.ValidationError(
                "A token has ASCII letters, digits and signs only: no spaces, and no word Bearer."
            )
        return token

    def clean_api_url(self) -> str:
        url: str = self.cleaned_data["api_url"]
        return url.rstrip("/")
