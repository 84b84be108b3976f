from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from broadcasts import links
from broadcasts.models import Organization

from .access import Access
from .answers import ANSWER_FIELDS, SettingsForm
from .base import OrganizationAdmin
from .quiet_hours import QUIET_FIELDS

ARCHIVE = (
    "A broadcast is in it once it is sent, if it was marked for it: without names, personal links or attached files. "
    "Search engines may list it. Switched off, all of it is gone; caches forget it within 5 minutes."
)
THRESHOLDS = ("complaints_slow", "complaints_pause", "bounces_slow", "bounces_pause")
GAUGES = (
    "Shares in percent, of the last days, by which each mail channel is judged once it has sent 1,000 mails: above the "
    "first it sends half as fast, above the second its broadcasts pause. Staff are mailed both times."
)

SOFT_BOUNCES = (
    "A soft bounce is mail that came back, or was refused, for a reason that may pass, such as a full mailbox. An "
    "address with many of them is suppressed for a time, then sent to again. Mail to it that is delivered, opened or "
    "clicked later clears the count. An address that does not exist is suppressed at once and for good."
)


@admin.register(Organization)
class OrganizationsAdmin(OrganizationAdmin):
    form: Any = SettingsForm
    by_organization = False
    list_display = ["name", "slug", "status", "time_zone", "default_use_case"]
    list_filter = ["status"]
    search_fields = ["name", "slug"]
    ordering = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["default_template"]
    change_act = "manage"
    fieldsets = [
        (None, {"fields": ["name", "slug", "status"]}),
        ("Place and language", {"fields": ["time_zone", "country", "date_format", "languages"]}),
        (
            "What broadcasts start from",
            {
                "fields": [
                    *("default_use_case", "default_subject", "default_template", "default_send_hour"),
                    *("late_start_minutes", "globals"),
                ]
            },
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
            "Soft bounces",
            {"fields": ["soft_bounces", "soft_bounce_days", "soft_bounce_rest_days"], "description": SOFT_BOUNCES},
        ),
        ("Sending from these pages", {"fields": ["undo_seconds"]}),
        ("Public archive", {"fields": ["has_archive", "archive"], "description": ARCHIVE}),
        (
            "Measuring opens and clicks",
            {
                "fields": ["track_general", "tracking_domain"],
                "description": "Whoever operates this server points the host here and has its certificate made; "
                "manage.py doctor tells whether it works.",
            },
        ),
        ("Complaints and bounces", {"fields": [*THRESHOLDS], "description": GAUGES}),
        (
            "Answers to STOP, START and HELP",
            {
                "fields": [*ANSWER_FIELDS],
                "description": "What answers people who write one of these words by SMS or WhatsApp, in their own "
                "language if it is among these. Blank: our own words, which the empty field shows. {organization} is "
                "the organization's name and {postal_address} its address. Each answer has to name the sender, and "
                "the one to HELP also how to stop; none may advertise.",
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
        return ["archive", *([] if Access.of(request).everywhere else ["slug", "status"])]

    @admin.display(description="its address")
    def archive(self, organization: Organization) -> str:
        if not organization.pk or not organization.has_archive:
            return "-"
        return format_html('<a href="{0}">{0}</a>', links.archive_url(organization.slug))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fieldsets: list[Any] = list(super().get_fieldsets(request, obj))
        if self.has_change_permission(request, obj):
            return fieldsets
        # Users without permission to change them see the stored value.
        stored = {tuple(QUIET_FIELDS): ["quiet_hours"], tuple(ANSWER_FIELDS): ["answer_texts"]}
        return [
            (name, {**options, "fields": stored.get(tuple(options["fields"]), options["fields"])})
            for name, options in fieldsets
        ]
