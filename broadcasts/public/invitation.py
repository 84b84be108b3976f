from typing import Any

from django import forms
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from broadcasts import accounts, links
from broadcasts.accounts.passwords import RULE
from broadcasts.exceptions import WrongState
from broadcasts.models import Invitation, User

from .pages import bad_link, notice, page
from .texts import TEXTS

BACKEND = "django.contrib.auth.backends.ModelBackend"


class JoinForm(forms.Form):
    """Create an account; its address is the invited one."""

    full_name = forms.CharField(label="Your name", max_length=255, widget=forms.TextInput({"autocomplete": "name"}))
    password = forms.CharField(
        label="Password", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"}), help_text=RULE
    )
    again = forms.CharField(
        label="Password, once more", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )

    def __init__(self, data: Any, invitation: Invitation) -> None:
        super().__init__(data, label_suffix="")
        self.invitation = invitation

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if accounts.has_account(self.invitation):
            raise ValidationError(f"{self.invitation.email} has an account already: sign in with it.")
        if password := cleaned.get("password"):
            if cleaned.get("again", password) != password:
                self.add_error("again", "The two passwords differ.")
            try:
                validate_password(password, User(email=self.invitation.email, full_name=cleaned.get("full_name", "")))
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


@sensitive_post_parameters("password", "again")
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation; only POST accepts it, with the signed-in account or a new one.

    The page is the same whether the address has an account or not, since the inviting person may have the link, too.
    """
    opened = accounts.opened(token)
    if opened is None:
        return ended(request) if links.invitation_id(token) else bad_link(request)
    act = request.POST.get("act") if request.method == "POST" else ""
    form = JoinForm(request.POST if act == "join" else None, opened)
    error = ""
    try:
        if act == "accept" and request.user.is_authenticated:
            accounts.accept(opened, request.user)
            return HttpResponseRedirect(reverse("admin:index"))
        if act == "join" and not request.user.is_authenticated and form.is_valid():
            user = accounts.join(opened, form.cleaned_data["full_name"], form.cleaned_data["password"])
            login(request, user, backend=BACKEND)
            return HttpResponseRedirect(reverse("admin:index"))
    except WrongState as refusal:
        error = str(refusal)
    return page(request, "public/invitation.html", _context(request, opened, form, error))


def ended(request: HttpRequest) -> HttpResponse:
    """Show that an invitation is not valid any more."""
    text = "This invitation was used, withdrawn or has expired. Ask whoever invited you for a new one."
    return notice(request, TEXTS["en"]["bad_title"], text, "en", status=404)


def _context(request: HttpRequest, opened: Invitation, form: JoinForm, error: str) -> dict[str, object]:
    is_owner = request.user.is_authenticated and request.user.email.casefold() == opened.email.casefold()
    return {
        "language": "en",
        "title": f"Join {opened.organization}",
        "invitation": opened,
        "form": form,
        "error": error,
        "is_owner": is_owner,
        "sign_in": f"{reverse('admin:login')}?{urlencode({'next': request.path})}",
    }
