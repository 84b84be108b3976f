"""The inbox: what people replied, through which channel, and to which broadcast."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from broadcasts import formats
from broadcasts.models import AutoReply, Channel, Contact, Inbound
from broadcasts.receiving import FOUND, SEARCHED, find_replies

from .access import Access, scoped
from .base import ReadOnlyAdmin, link
from .facts import DAYS
from .filters import BroadcastListFilter, row_filter
from .search import find_contacts


class ChannelListFilter(admin.SimpleListFilter):
    title = parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = scoped(Channel.objects.order_by("name"), Access.of(request))
        return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(channel=value) if value in dict(self.lookup_choices) else queryset.none()


class ReplyBroadcastFilter(BroadcastListFilter):
    path = "broadcast"


class WhenFilter(admin.SimpleListFilter):
    title = "when it came"
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "The last 24 hours"), *DAYS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(created__gte=timezone.now() - timedelta(days=int(self.value() or 0)))


@admin.register(Inbound)
class InboundAdmin(ReadOnlyAdmin):
    list_display = ["created", "what", "who", "channel", "answered", "organization"]
    list_display_links = ["created", "what"]
    list_select_related = ["contact", "channel", "organization", "broadcast"]
    list_filter = [ChannelListFilter, WhenFilter, ReplyBroadcastFilter, row_filter(Contact)]
    search_fields = ["text"]
    search_help_text = (
        f"A part of the text or the address, in the newest {formats.number(SEARCHED)} replies of this list: filter it "
        "to look further back. Or a contact's whole address or id, or how words of its name begin. Shows the newest "
        f"{formats.number(FOUND)}."
    )
    ordering = ["-created", "-id"]
    sortable_by = []
    fieldsets = [
        (None, {"fields": ["text", "who", "address", "channel", "answered", "copy", "answer_sent"]}),
        ("Record", {"fields": ["at", "created", "payload", "uuid"]}),
    ]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by person, through the index by contact, and by text, of which only the newest are read."""
        term = search_term.strip()
        if not term:
            return queryset, False
        people = find_contacts(scoped(Contact.objects.all(), Access.of(request)), term, limit=200)
        newest = queryset.order_by("-created", "-id")
        of_people = newest.filter(contact__in=people).values_list("pk", flat=True)[:FOUND] if people else []
        found = sorted({*of_people, *find_replies(queryset, term)}, reverse=True)[:FOUND]
        # A subquery, since PostgreSQL would read the whole table for this list and that of a page's ids together.
        return queryset.filter(pk__in=Inbound.objects.filter(pk__in=found).values("pk")), False

    @admin.display(description="text")
    def what(self, reply: Inbound) -> str:
        return Truncator(reply.text).chars(120) or "(no text)"

    @admin.display(description="from")
    def who(self, reply: Inbound) -> str:
        return link(reply.contact) if reply.contact else reply.address or "-"

    @admin.display(description="in answer to")
    def answered(self, reply: Inbound) -> str:
        return link(reply.broadcast)

    @admin.display(description="our answer")
    def answer_sent(self, reply: Inbound) -> str:
        """Tell what became of the answer to a keyword."""
        answer = AutoReply.objects.filter(inbound=reply).first()
        if answer is None:
            return "None: it is no keyword, or was answered often enough today."
        when = f"sent {formats.moment(answer.sent_at)}" if answer.sent_at else "not sent"
        return f"To {answer.get_keyword_display().upper()}: {when}. {answer.error}".strip()

    @admin.display(description="copy")
    def copy(self, reply: Inbound) -> str:
        return link(reply.delivery)
