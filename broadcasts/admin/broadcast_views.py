"""Who will get a broadcast, one by one, and what one of them will read."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from broadcasts import audience, designing, previewing, rendering
from broadcasts.audience import Audience
from broadcasts.database import as_id
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Contact, Delivery, Message, Reason
from broadcasts.rendering import Rendered
from broadcasts.transports import Bubble

from .access import has_more_than
from .pickers import Picker
from .showing import faults_page, sandboxed

PAGE = 100
AT_ONCE = 20_000  # contacts of an organization; above, counting takes long enough to be announced


def counts_slowly(broadcast: Broadcast) -> bool:
    """Tell whether its organization has so many contacts that pages do not count the recipients at once."""
    return has_more_than(Contact.objects.for_organization(broadcast.organization_id), AT_ONCE)


class PreviewForm(forms.Form):
    """Which message, as whom, in which language, on which screen."""

    message = forms.ModelChoiceField(Message.objects.none(), required=False, empty_label=None)
    contact = forms.ModelChoiceField(Contact.objects.none(), required=False)
    language = forms.ChoiceField(required=False)
    width = forms.ChoiceField(choices=[("desktop", "Desktop"), ("phone", "Phone")], required=False)

    def __init__(self, data: Any, broadcast: Broadcast, site: Any) -> None:
        super().__init__(data)
        messages = broadcast.messages.prefetch_related("translations")
        languages = sorted({one.language for message in messages for one in message.translations.all()})
        self.fields["message"].queryset = broadcast.messages.select_related("broadcast", "channel")  # type: ignore[attr-defined]
        self.fields["contact"].queryset = Contact.objects.for_organization(broadcast.organization_id)  # type: ignore[attr-defined]
        widget = Picker(Delivery._meta.get_field("contact"), site)
        widget.choices = self.fields["contact"].choices  # type: ignore[attr-defined]
        self.fields["contact"].widget = widget
        self.fields["language"].choices = [("", "Theirs"), *((tag, language_name(tag)) for tag in languages)]  # type: ignore[attr-defined]
        if len(messages) < 2:
            self.fields["message"].widget = forms.HiddenInput()


class RecipientViews(admin.ModelAdmin):
    """Pages of a broadcast that only show; for the broadcast's admin."""

    def takes_long(self, request: HttpRequest, broadcast: Broadcast) -> bool:
        """Tell whether exact numbers would take so long that the page should first say that it is counting."""
        return "counted" not in request.GET and counts_slowly(broadcast)

    def waiting_page(self, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
        """Return a page at once that says that it is counting, and then loads the page with the numbers."""
        params = request.GET.copy()
        params["counted"] = "1"
        goal = f"{request.path}?{params.urlencode()}"
        return self.page(request, broadcast, "counting", f"Counting the recipients of {broadcast}", goal=goal)  # type: ignore[attr-defined]

    def people_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List whom a broadcast will reach, or those whom one reason leaves out, by id, page after page."""
        broadcast = self.broadcast_for(request, pk, "write")  # type: ignore[attr-defined]
        if self.takes_long(request, broadcast):
            return self.waiting_page(request, broadcast)
        reason = request.GET.get("reason", "")
        after = request.GET.get("after", "")
        routes = audience.routes_of(broadcast)
        try:
            place = min(as_id(request.GET.get("message", "")) or 0, len(routes) - 1)
            rows = audience.recipients(Audience.of(broadcast), routes[place], routes).filter(skip_reason=reason)
            rows = rows.filter(pk__gt=as_id(after) or 0)
            people = list(rows.order_by("pk")[: PAGE + 1])
        except (BroadcastsError, IndexError) as error:
            self.message_user(request, str(error) or "There is no channel yet.", level="error")
            return HttpResponseRedirect(self.change_url(pk))  # type: ignore[attr-defined]
        label = Reason(reason).label if reason in Reason.values else ""
        more = {"reason": reason, "message": place, "counted": 1}
        return self.page(  # type: ignore[attr-defined]
            request,
            broadcast,
            "people",
            f"Left out: {label.lower()}" if label else "Expected recipients",
            people=people[:PAGE],
            routes=[(i, route) for i, route in enumerate(routes)],
            place=place,
            reason=reason,
            more=urlencode({**more, "after": people[PAGE - 1].pk}) if len(people) > PAGE else "",
        )

    def lacking_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Tell how many recipients lack a value of each merge field that has no default, and list those of one."""
        broadcast = self.broadcast_for(request, pk, "write")  # type: ignore[attr-defined]
        if self.takes_long(request, broadcast):
            return self.waiting_page(request, broadcast)
        asked, after = request.GET.get("field", ""), as_id(request.GET.get("after", "")) or 0
        try:
            total, fields = rendering.lacking(broadcast)
            labels = {one.name: one.label.lower() for one in fields}
            field = asked if asked in labels else ""
            query = {"all": [{"recipient_of": str(broadcast.uuid)}, {"lacks": field}]}
            rows = audience.compile_query(query, broadcast.organization).filter(pk__gt=after) if field else None
            people = [] if rows is None else list(rows.order_by("pk")[: PAGE + 1])
        except BroadcastsError as error:
            self.message_user(request, str(error), level="error")
            return HttpResponseRedirect(self.change_url(pk))  # type: ignore[attr-defined]
        more = {"field": field, "counted": 1, "after": people[PAGE - 1].pk} if len(people) > PAGE else {}
        shown = {"field": field, "label": labels.get(field, ""), "people": people[:PAGE], "more": urlencode(more)}
        title = f"Missing values in {broadcast}"
        return self.page(request, broadcast, "lacking", title, total=total, fields=fields, **shown)  # type: ignore[attr-defined]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a message as one real contact would read it."""
        broadcast = self.broadcast_for(request, pk, "write")  # type: ignore[attr-defined]
        form, rendered, bubble, error = self._render(request, broadcast)
        chosen = {name: value for name, value in request.GET.items() if name in form.fields and value}
        address = reverse("admin:broadcasts_broadcast_preview_html", args=[pk])
        return self.page(  # type: ignore[attr-defined]
            request,
            broadcast,
            "preview",
            f"Preview of {broadcast}",
            form=form,
            rendered=rendered,
            bubble=bubble,
            bubble_is_ours=bubble and bubble.link.startswith(f"{settings.BASE_URL}/"),
            error=error,
            width="phone" if request.GET.get("width") == "phone" else "desktop",
            html_url=f"{address}?{urlencode(chosen)}",
            media=self.media + form.media,
        )

    def preview_html_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Serve the rendered HTML alone, in a sandbox: no script, no form, no access to this site."""
        broadcast = self.broadcast_for(request, pk, "write")  # type: ignore[attr-defined]
        _, rendered, _, error = self._render(request, broadcast)
        return sandboxed(rendered.html) if rendered else faults_page([error])

    def _render(
        self, request: HttpRequest, broadcast: Broadcast
    ) -> tuple[PreviewForm, Rendered | None, Bubble | None, str]:
        form = PreviewForm(request.GET, broadcast, self.admin_site)
        if not form.is_valid():
            return form, None, None, "Choose another contact or language."
        contact = form.cleaned_data["contact"] or self._somebody(broadcast)
        message = form.cleaned_data["message"] or broadcast.messages.select_related("channel", "template").first()
        if message is None:
            return form, None, None, "There is no content yet."
        form.initial_contact = contact  # type: ignore[attr-defined]
        try:
            designing.refresh(message)
            told = message, contact, form.cleaned_data["language"] or None
            form.filled = rendering.filled_expressions(*told)  # type: ignore[attr-defined]
            return form, rendering.preview(*told), rendering.bubble(*told), ""
        except BroadcastsError as error:
            return form, None, None, str(error)

    def _somebody(self, broadcast: Broadcast) -> Contact:
        contacts = Contact.objects.for_organization(broadcast.organization_id)
        named = (
            contacts.filter(email__in=broadcast.audience_preview[:1]).first() if broadcast.audience_preview else None
        )
        return named or previewing.example_contact(broadcast.organization)
