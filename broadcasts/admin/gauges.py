"""The gauges of a channel on its page, what lifts them, and the page that proposes a warm-up."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from broadcasts import formats, gauging
from broadcasts.exceptions import WrongState
from broadcasts.models import Channel

from .access import Access, scoped
from .base import OrganizationAdmin

MOST_PEOPLE = 1_000_000_000
ON_DASHBOARD = 10
LEVELS = {"good": ("Good", "sent"), "slow": ("Slowed", "paused"), "pause": ("Paused", "failed")}


class AudienceForm(forms.Form):
    """Contains for how many people a warm-up is proposed."""

    audience = forms.IntegerField(
        label="People who shall get a mail in one day",
        min_value=1,
        max_value=MOST_PEOPLE,
        help_text="The size of your largest audience.",
    )


class GaugedChannels(OrganizationAdmin):
    """The gauges on the page of a channel, and its warm-up page."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.warmup_view)
        return [path("<int:pk>/warm-up/", view, name="broadcasts_channel_warmup"), *super().get_urls()]

    def steps(self, request: HttpRequest, obj: Channel) -> dict[str, Callable[[], HttpResponse]]:
        return {**super().steps(request, obj), "lift": partial(self._lift, request, obj)}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        channel = self.get_object(request, object_id) if request.method == "GET" else None
        if channel is not None and self.has_view_permission(request, channel) and channel.transport_class.carries_mail:
            context |= gauges_of(channel)
        return super().change_view(request, object_id, form_url, context)

    def _lift(self, request: HttpRequest, channel: Channel) -> HttpResponse:
        try:
            gauging.lift(channel, by=Access.of(request).user)
        except WrongState as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"“{channel}” sends at its own rate again. What is reported from now on counts.")
        return HttpResponseRedirect(self.change_url(channel.pk))

    def warmup_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Propose a warm-up as a calendar, and begin it."""
        channel = self.get_object(request, str(pk))
        if channel is None or not self.has_change_permission(request, channel):
            raise Http404
        if not channel.transport_class.carries_mail:
            raise Http404
        given = request.POST if request.method == "POST" else request.GET if "audience" in request.GET else None
        likely = gauging.audience_of(channel)
        form = AudienceForm(given, initial={"audience": likely})
        audience = (form.cleaned_data["audience"] if form.is_valid() else None) if form.is_bound else likely
        advice = gauging.advise(channel, audience) if audience else None
        if request.method == "POST" and advice:
            return self._begin(request, channel, advice)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "channel": channel,
            "form": form,
            "advice": advice,
            "under_way": gauging.calendar(channel.ramp, audience, today(channel)) if channel.ramp and audience else [],
            "title": "Warm-up",
        }
        return TemplateResponse(request, "admin/broadcasts/channel/warmup.html", context)

    def _begin(self, request: HttpRequest, channel: Channel, advice: gauging.Advice) -> HttpResponse:
        try:
            gauging.begin_warmup(channel, advice.ramp, by=Access.of(request).user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(reverse("admin:broadcasts_channel_warmup", args=[channel.pk]))
        start = formats.number(advice.ramp["start"])
        last = formats.day(advice.days[-1].day)
        messages.success(request, f"“{channel}” warms up: {start} mails today, and all of your audience on {last}.")
        return HttpResponseRedirect(self.change_url(channel.pk))


def today(channel: Channel) -> Any:
    """Return the date where the organization of a channel is."""
    return timezone.localdate(timezone=channel.organization.zone)


def gauges_of(channel: Channel) -> dict[str, Any]:
    """Return what the page of a channel shows of its gauges."""
    return {
        "gauges": [(one, shown(one)) for one in gauging.gauges(channel)],
        "gauge_days": settings.GAUGE_DAYS,
        "slow_domains": [channel.slowed_domains[name]["why"] for name in channel.slow_domains],
        "is_lifted": channel.slowed_to is None and channel.slowed_until is not None,
    }


def shown(gauge: gauging.Gauge) -> list[dict[str, Any]]:
    """Return the shares of a gauge for a table: each with its state in words, never in colour alone."""
    return [
        {
            "name": share.name,
            "n": share.n,
            "percent": share.percent if share.of else "",
            "words": share.words,
            "status": LEVELS[share.level][1] if share.is_judged else "",
        }
        for share in gauge.shares
    ]


def overview(access: Access) -> list[dict[str, Any]]:
    """Return the gauges of mail channels for the dashboard, the worst first, in three queries."""
    kinds = gauging.mail_kinds()
    rows = scoped(Channel.objects.filter(kind__in=kinds, is_active=True), access).select_related("organization")
    found = gauging.overview(list(rows.defer("secrets").order_by("pk")))
    return [
        {"channel": channel, "gauge": gauge, "shares": shown(gauge), "is_slowed": channel.is_slowed}
        for channel, gauge in found[:ON_DASHBOARD]
    ]
