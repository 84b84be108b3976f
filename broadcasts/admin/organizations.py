from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html

from broadcasts.models import ACTS, ApiToken, Member, Organization, User

from .access import Access
from .base import OrganizationAdmin, OrganizationForm
from .quiet_hours import QUIET_FIELDS, SettingsForm


@admin.register(Organization)
class OrganizationsAdmin(OrganizationAdmin):
    form: Any = SettingsForm
    by_organization = False
    list_display = ["name", "slug", "status", "time_zone", "default_use_case"]
    list_filter = ["status"]
    search_fields = ["name", "slug"]
    ordering = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    change_act = "manage"
    fieldsets = [
        (None, {"fields": ["name", "slug", "status"]}),
        ("Place and language", {"fields": ["time_zone", "country", "date_format", "languages"]}),
        (
            "What broadcasts start from",
            {"fields": ["default_use_case", "default_subject", "default_send_hour", "late_start_minutes", "globals"]},
        ),
        (
            "Consent and courtesy",
            {
                "fields": [
                    "consent_required",
                    "consent_wording",
                    "postal_address",
                    "frequency_cap",
                    "frequency_cap_days",
                ]
            },
        ),
        (
            "Quiet hours",
            {
                "fields": [*QUIET_FIELDS],
                "description": "From when until when nothing is sent, by the clock where the recipient is, or the "
                "organization's where that is not known. What would leave then waits for their end. Blank: none.",
            },
        ),
    ]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else {"slug": ["name"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Access.of(request).everywhere

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # it would take everything with it; suspend it instead

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [] if Access.of(request).everywhere else ["slug", "status"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fieldsets: list[Any] = list(super().get_fieldsets(request, obj))
        if self.has_change_permission(request, obj):
            return fieldsets
        # Who may not change them sees them as they are stored.
        return [
            (name, {**options, "fields": ["quiet_hours"] if options["fields"] == QUIET_FIELDS else options["fields"]})
            for name, options in fieldsets
        ]


class NewMemberForm(OrganizationForm):
    """Take somebody in by e-mail address; whoever has no account yet gets one."""

    email = forms.EmailField(label="E-mail", max_length=254)
    full_name = forms.CharField(required=False, help_text="Of somebody new.")
    password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Of somebody new, to hand over; whoever has an account keeps their own.",
    )

    class Meta:
        model = Member
        fields = ["organization", "role"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "email" not in cleaned:
            return cleaned
        user = User.objects.filter(email__iexact=cleaned["email"]).first()
        if user is None:
            user = User(email=User.objects.normalize_email(cleaned["email"]), full_name=cleaned.get("full_name", ""))
            try:
                validate_password(cleaned.get("password") or "", user)
            except ValidationError as error:
                self.add_error("password", error)
            user.set_password(cleaned.get("password"))
        elif cleaned.get("organization") and user.memberships.filter(organization=cleaned["organization"]).exists():
            self.add_error("email", f"{user} is a member of {cleaned['organization']} already.")
        self.user = user
        return cleaned

    def save(self, commit: bool = True) -> Member:
        if self.user.pk is None:
            self.user.save()
        self.instance.user = self.user
        return super().save(commit)


@admin.register(Member)
class MemberAdmin(OrganizationAdmin):
    list_display = ["user", "role", "organization", "created"]
    list_select_related = ["user", "organization"]
    list_filter = ["role"]
    search_fields = ["user__email", "user__full_name"]
    autocomplete_fields = ["organization"]
    add_act = change_act = delete_act = "manage"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewMemberForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["user", "organization", "role"] if obj else ["organization", "email", "full_name", "password", "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["user"] if obj else [])]


class UserForm(forms.ModelForm):
    password1 = forms.CharField(
        label="New password",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave blank to keep the present one.",
    )

    class Meta:
        model = User
        fields = ["email", "full_name", "is_active", "is_staff", "is_superuser"]

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Somebody has this address already.")
        return email

    def clean_password1(self) -> str:
        password = self.cleaned_data["password1"]
        if password:
            validate_password(password, self.instance)
        elif not self.instance.pk:
            raise ValidationError("Somebody new needs a password.")
        return password

    def save(self, commit: bool = True) -> User:
        if password := self.cleaned_data.get("password1"):
            self.instance.set_password(password)
        return super().save(commit)


@admin.register(User)
class UserAdmin(OrganizationAdmin):
    """Accounts are a superuser's; a member sees those of its organizations."""

    form: Any = UserForm
    by_organization = False
    list_display = ["email", "full_name", "is_active", "is_staff", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["email", "full_name"]
    ordering = ["email"]
    fields = ["email", "full_name", "is_active", "is_staff", "is_superuser", "password1", "last_login", "created"]
    readonly_fields = ["last_login", "created"]

    def may(self, request: HttpRequest, act: str, obj: Any = None) -> bool:
        access = Access.of(request)
        return access.may("manage") if act == "read" else access.everywhere

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = list(super().get_fields(request, obj))
        if not Access.of(request).everywhere:
            fields.remove("password1")
        return fields

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save()

    def audit(self, request: HttpRequest, obj: Any, act: str, **detail: object) -> None:
        pass  # an account belongs to no organization


class ApiTokenForm(OrganizationForm):
    scopes = forms.MultipleChoiceField(
        choices=[(act, act) for act in ACTS],
        widget=forms.CheckboxSelectMultiple,
        initial=["read"],
        help_text="It may what its scopes and its user's role both allow.",
    )

    class Meta:
        model = ApiToken
        fields = ["organization", "user", "name", "scopes", "expires_at"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        organization = cleaned.get("organization") or getattr(self.instance, "organization", None)
        user = cleaned.get("user")
        if user and organization and not user.memberships.filter(organization=organization).exists():
            self.add_error("user", f"{user} is not a member of {organization}.")
        return cleaned


@admin.register(ApiToken)
class ApiTokenAdmin(OrganizationAdmin):
    form = ApiTokenForm
    list_display = ["name", "prefix", "user", "organization", "shown_scopes", "expires_at", "last_used_at"]
    list_display_links = ["name", "prefix"]
    list_select_related = ["user", "organization"]
    search_fields = ["name", "prefix__exact", "user__email"]
    autocomplete_fields = ["organization", "user"]
    readonly_fields = ["prefix", "last_used_at", "created"]
    fields = ["organization", "user", "name", "scopes", "expires_at"]
    view_act = add_act = change_act = delete_act = "manage"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(self.readonly_fields if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["user"] if obj else [])]

    @admin.display(description="scopes")
    def shown_scopes(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        self.check_may_save(request, obj, change)
        fields = {name: form.cleaned_data[name] for name in ("user", "organization", "name", "scopes", "expires_at")}
        token, key = ApiToken.objects.issue(**fields)
        obj.__dict__.update(token.__dict__)
        messages.warning(
            request,
            format_html("The key is <code>{}</code>. Copy it now: it is not stored and cannot be shown again.", key),
        )
