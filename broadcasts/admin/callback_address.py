"""The page on which staff change the callback address of a channel."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from broadcasts import formats, rotating
from broadcasts.exceptions import WrongState
from broadcasts.models import Channel

from .access import Access
from .base import OrganizationAdmin


class RotateForm(forms.Form):
    """Contains the serial number of the address that is shown; another one means that it has changed since."""

    serial = forms.IntegerField(widget=forms.HiddenInput)
    old = forms.ChoiceField(
        label="The old address",
        choices=[
            ("keep", f"works for {rotating.OLD_ADDRESS_DAYS} more days, until the provider knows the new one"),
            ("cut", "is cut at once: somebody else knows it"),
        ],
        initial="keep",
        widget=forms.RadioSelect,
    )


class RotatingChannels(OrganizationAdmin):
    """The button on the page of a channel, and the page that it leads to."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.rotate_view)
        return [path("<int:pk>/rotate-callback/", view, name="broadcasts_channel_rotate"), *super().get_urls()]

    def steps(self, request: HttpRequest, obj: Channel) -> dict[str, Callable[[], HttpResponse]]:
        address = reverse("admin:broadcasts_channel_rotate", args=[obj.pk])
        return {**super().steps(request, obj), "rotate": lambda: HttpResponseRedirect(address)}

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask what becomes of the old address, then change it."""
        channel = self.get_object(request, str(pk))
        if channel is None or not self.has_change_permission(request, channel) or not channel.callback_url:
            raise Http404
        form = RotateForm(request.POST or None, initial={"serial": channel.callback_serial})
        if request.method == "POST" and form.is_valid():
            channel.callback_serial = form.cleaned_data["serial"]
            self._rotate(request, channel, keep_old=form.cleaned_data["old"] == "keep")
            return HttpResponseRedirect(self.change_url(pk))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "channel": channel, "form": form}
        context["title"] = "Change the callback address"
        return TemplateResponse(request, "admin/broadcasts/channel/rotate.html", context)

    def _rotate(self, request: HttpRequest, channel: Channel, *, keep_old: bool) -> None:
        try:
            rotating.rotate_callback(channel, keep_old=keep_old, by=Access.of(request).user)
        except WrongState as error:
            messages.error(request, str(error))
            return
        until = channel.callback_kept_until
        old = f"works until {formats.moment(until, channel.organization.zone)}" if until else "is cut"
        words = "has a new callback address: give it to the provider. The old one"
        messages.success(request, f"“{channel}” {words} {old}.")
