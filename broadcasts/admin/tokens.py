from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html

from broadcasts.models import ACTS, ApiToken, User

from .access import Access, scoped
from .base import OrganizationAdmin, OrganizationForm


class ApiTokenForm(OrganizationForm):
    scopes = forms.MultipleChoiceField(
        choices=[(act, act) for act in ACTS],
        widget=forms.CheckboxSelectMultiple,
        initial=["read"],
        help_text="What it may do: at most what its user's role allows.",
    )

    class Meta:
        model = ApiToken
        fields = ["organization", "user", "name", "scopes", "expires_at"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        organization = cleaned.get("organization") or getattr(self.instance, "organization", None)
        user = cleaned.get("user") or getattr(self.instance, "user", None)
        if not user or not organization:
            return cleaned
        member = user.memberships.filter(organization=organization).first()
        if member is None:
            self.add_error("user" if "user" in self.fields else None, f"{user} is not a member of {organization}.")
        elif beyond := [scope for scope in cleaned.get("scopes", []) if not member.may(scope)]:
            role = member.get_role_display().lower()
            self.add_error("scopes", f"As {role}, {user} may not “{beyond[0]}”, and neither may a token.")
        return cleaned


@admin.register(ApiToken)
class ApiTokenAdmin(OrganizationAdmin):
    form = ApiTokenForm
    list_display = [
        *("name", "prefix", "user", "issued_by", "organization", "shown_scopes", "expires_at", "last_used_at"),
    ]
    list_display_links = ["name", "prefix"]
    list_select_related = ["user", "issued_by", "organization"]
    search_fields = ["name", "prefix__exact", "user__email"]
    autocomplete_fields = ["organization", "user"]
    readonly_fields = ["prefix", "issued_by", "last_used_at", "created"]
    fields = ["organization", "user", "name", "scopes", "expires_at"]
    view_act = add_act = change_act = delete_act = "manage"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(self.readonly_fields if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["user"] if obj else [])]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = scoped(User.objects.all(), Access.of(request), "manage")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="scopes")
    def shown_scopes(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)
        if change:
            super().save_model(request, obj, form, change)
            return
        fields = {name: form.cleaned_data[name] for name in ("user", "organization", "name", "scopes", "expires_at")}
        token, key = ApiToken.objects.issue(**fields, issued_by=request.user)
        obj.__dict__.update(token.__dict__)
        messages.warning(
            request,
            format_html("The key is <code>{}</code>. Copy it now: it is not stored and cannot be shown again.", key),
        )

    def audit(self, request: HttpRequest, obj: Any, act: str, **detail: object) -> None:
        super().audit(request, obj, act, **detail, **{"for": str(obj.user), "scopes": obj.scopes})
