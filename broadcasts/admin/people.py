"""Who works here: members and their roles, invitations, and the accounts behind them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html

from broadcasts import accounts, links
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Invitation, Member, User

from .access import Access, scoped
from .base import OrganizationAdmin, OrganizationForm, list_url
from .filters import choice_filter

INVITATIONS_SHOWN = 50


@admin.register(Member)
class MemberAdmin(OrganizationAdmin):
    """Members come by invitation; here they get another role, or are taken out."""

    change_list_template = "admin/broadcasts/member/change_list.html"
    list_display = ["user", "role", "organization", "created"]
    list_select_related = ["user", "organization"]
    list_filter = ["role"]
    search_fields = ["user__email", "user__full_name"]
    fields = ["user", "organization", "role"]
    change_act = delete_act = "manage"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), "user"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        access = Access.of(request)
        rows = scoped(Invitation.objects.open(), access, "manage").select_related("organization", "invited_by")
        context = {
            "may_invite": access.may("manage"),
            "invitations": rows.order_by("-id")[:INVITATIONS_SHOWN],
            "many_organizations": not access.only_organization,
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().change_view(request, object_id, *args, **kwargs)
        except BroadcastsError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.change_url(object_id))

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)
        accounts.change_role(obj, obj.role, by=request.user)  # type: ignore[arg-type]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        last = [f"{member.organization} needs an admin" for member in accounts.only_admins_among(list(objs))]
        return shown, counts, needed, [*protected, *last]

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except BroadcastsError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(list_url(Member))

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        accounts.remove_member(obj, by=request.user)  # type: ignore[arg-type]

    def audit(self, request: HttpRequest, obj: Any, act: str, **detail: object) -> None:
        pass  # the verbs write it, with the roles


class InvitationForm(OrganizationForm):
    """Whom to invite, and as what; nothing here depends on whether the address has an account."""

    by: User

    class Meta:
        model = Invitation
        fields = ["organization", "email", "role"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if {"organization", "email", "role"} <= cleaned.keys():
            told = accounts.why_not_invite(cleaned["organization"], cleaned["email"], cleaned["role"], by=self.by)
            for field, error in told.items():
                self.add_error(field, error)
        return cleaned


@admin.register(Invitation)
class InvitationAdmin(OrganizationAdmin):
    form = InvitationForm
    change_form_template = "admin/broadcasts/invitation/change_form.html"
    list_display = ["email", "role", "shown_status", "invited_by", "organization", "created"]
    list_select_related = ["organization", "invited_by"]
    list_filter = [choice_filter("status", Invitation.Status)]
    search_fields = ["email"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "email", "role"]
    readonly_fields = ["shown_status", "invited_by", "created", "expires_at", "sent_at", "error", "ended_at"]
    view_act = add_act = "manage"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(self.readonly_fields if obj else [])]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.by = request.user  # type: ignore[attr-defined]
        return form

    @admin.display(description="status", ordering="status")
    def shown_status(self, invitation: Invitation) -> str:
        if invitation.status == Invitation.Status.OPEN and not invitation.is_open:
            return "Expired"
        return invitation.get_status_display()

    def get_urls(self) -> list[URLPattern]:
        views = {"resend": self.resend_view, "withdraw": self.withdraw_view}
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"broadcasts_invitation_{name}")
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().add_view(request, *args, **kwargs)
        except BroadcastsError as error:  # another request invited the same person at the same time
            messages.error(request, str(error))
            return HttpResponseRedirect(list_url(Member))

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)
        made = accounts.invite(obj.organization, obj.email, obj.role, by=request.user)  # type: ignore[arg-type]
        obj.__dict__.update(made.__dict__)
        self.hand_over(request, made)

    def hand_over(self, request: HttpRequest, invitation: Invitation) -> None:
        """Show the link if the server sends no mail; else only the owner of the address gets it."""
        if invitation.due_at is not None:
            messages.info(request, f"The invitation is mailed to {invitation.email}.")
            return
        url = links.invitation_url(links.invitation_token(invitation.pk))
        words = (
            "Nothing is mailed without EMAIL_URL, so give this link to {} yourself: <code>{}</code> It works for {} "
        )
        words += "days, and is not shown again."
        messages.warning(request, format_html(words, invitation.email, url, Invitation.LIFETIME.days))

    def resend_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.act_on(request, pk, lambda one, by: self.hand_over(request, accounts.resend(one, by=by)))

    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        def withdraw(invitation: Invitation, by: User) -> None:
            accounts.withdraw(invitation, by=by)
            messages.success(request, f"The invitation of {invitation.email} is withdrawn; its link opens nothing now.")

        return self.act_on(request, pk, withdraw)

    def act_on(self, request: HttpRequest, pk: int, act: Any) -> HttpResponse:
        invitation = self.get_queryset(request).filter(pk=pk).first()
        if invitation is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            act(invitation, request.user)
        except BroadcastsError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(list_url(Member))

    def audit(self, request: HttpRequest, obj: Any, act: str, **detail: object) -> None:
        pass  # the verbs write it


class AccountForm(forms.ModelForm):
    """An account as an operator changes it."""

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


class OwnAccountForm(forms.ModelForm):
    """The fields of one's own account; the password has its own page, which asks for the current one."""

    class Meta:
        model = User
        fields = ["full_name"]


@admin.register(User)
class UserAdmin(OrganizationAdmin):
    """Accounts; only operators and the user themselves may change one.

    Managers of an organization see the names and addresses of its members, and nothing about other organizations.
    """

    form: Any = AccountForm
    change_form_template = "admin/broadcasts/user/change_form.html"
    by_organization = False
    list_display = ["email", "full_name", "is_active", "is_staff", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["email", "full_name"]
    ordering = ["email"]
    fields = ["email", "full_name", "is_active", "is_staff", "is_superuser", "password1", "last_login", "created"]
    readonly_fields = ["last_login", "created"]
    add_act = delete_act = "operate"

    def may(self, request: HttpRequest, act: str, obj: Any = None) -> bool:
        access = Access.of(request)
        is_own = obj is not None and obj.pk == request.user.pk
        return access.everywhere or (act == "read" and access.may("manage")) or (is_own and act in ("read", "write"))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        managed = Access.of(request).organizations("manage")
        rows = User.objects.order_by(*self.ordering)
        if managed is None:
            return rows
        colleagues = Exists(Member.objects.filter(user=OuterRef("pk"), organization__in=managed))
        return rows.filter(colleagues | Q(pk=request.user.pk))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return list(self.list_display) if Access.of(request).everywhere else ["email", "full_name"]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return list(self.list_filter) if Access.of(request).everywhere else []

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if Access.of(request).everywhere else ["email", "full_name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(self.readonly_fields) if Access.of(request).everywhere else ["email"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if not Access.of(request).everywhere:
            kwargs["form"] = OwnAccountForm
        return super().get_form(request, obj, change, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not Access.of(request).everywhere:  # it contains acts in other organizations too
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        members = Member.objects.filter(user__in=[user.pk for user in objs]).select_related("organization")
        last = [f"{member.organization} needs an admin" for member in accounts.only_admins_among(list(members))]
        return shown, counts, needed, [*protected, *last]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.save()
        if change and form.cleaned_data.get("password1"):
            self.audit(request, obj, "change password")

    def audit(self, request: HttpRequest, obj: Any, act: str, **detail: object) -> None:
        accounts.note(obj, act, by=request.user, **detail)  # type: ignore[arg-type]
