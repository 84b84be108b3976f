"""The delivery log, its batches, and the actions of staff on unknown deliveries."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Max, Min, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from broadcasts import chains, formats, links, sending, stats
from broadcasts.database import as_id
from broadcasts.exceptions import BroadcastsError
from broadcasts.explaining import story
from broadcasts.models import FACTS, Batch, Contact, Delivery, DeliveryEvent, Message, Reason

from .access import Access, scoped, within
from .base import ReadOnlyAdmin, link, list_url, number_column, row_url
from .by_contact import HELP, is_list
from .delivery_people import GROUP_FILTERS, PeopleOfReport
from .facts import FactFilter, FallbackFilter, RecentFilter
from .filters import BroadcastListFilter, choice_filter, row_filter
from .paginator import PagedList
from .search import find_contacts

SETTLED_AT_ONCE = 500
TRIES_SHOWN = 200  # of one copy, which staff may have had sent again and again
NO_WORDS = "it said nothing"
OUTCOME = {True: "accepted", False: "not accepted"}
FEW = 50_000
NAMED = 1000  # messages that a statement names one by one
UNKNOWN = {
    "mark_sent": ("Mark as sent", "They count as sent from now on."),
    "mark_failed": ("Mark as failed", "They count as failed from now on; a retry reaches them again."),
    "send_again": ("Send again", "They are sent once more. Whoever did get the first copy gets a second one."),
}


class DeliveryBroadcastFilter(BroadcastListFilter):
    """Walks the range of ids in which a broadcast's rows lie, in their order on disk.

    The sum keeps the planner from the index by message and contact, whose rows it would have to sort.
    """

    def narrow(self, queryset: QuerySet, broadcast_id: int) -> QuerySet:
        message_ids = list(Message.objects.filter(broadcast=broadcast_id).values_list("pk", flat=True))
        span = Batch.objects.filter(message__in=message_ids).aggregate(
            first=Min("first_id"), last=Max("last_id"), rows=Sum("total")
        )
        if not span["first"] or not span["last"] or span["rows"] <= FEW:
            return queryset.filter(message__in=message_ids)
        of_message = queryset.alias(of_message=F("message_id") + 0)
        return of_message.filter(pk__gte=span["first"], pk__lte=span["last"], of_message__in=message_ids)


class DeliveryList(PagedList):
    """Knows which of its rows were replaced by a copy on a further channel, from one query for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        later = Delivery.objects.filter(replaces__in=[row.pk for row in self.result_list])
        replaced_by = dict(later.order_by("-pk").values_list("replaces", "pk"))
        for row in self.result_list:
            row.replaced_by = replaced_by.get(row.pk)


@admin.register(Delivery)
class DeliveryAdmin(PeopleOfReport, ReadOnlyAdmin):
    list_display = ["address", "shown_status", "what", "recipient", "broadcast"]
    list_select_related = ["contact", "message__broadcast", "message__channel"]
    list_filter = [
        DeliveryBroadcastFilter,
        choice_filter("status", Delivery.Status),
        choice_filter("reason", Reason),
        FactFilter,
        FallbackFilter,
        RecentFilter,
        *GROUP_FILTERS,
        row_filter(Contact),
        row_filter(Batch),
    ]
    search_fields = ["address"]
    search_help_text = f"{HELP} Or the key in a Message-ID."
    sortable_by = []
    actions = [*UNKNOWN, "export_selected"]
    change_form_template = "admin/broadcasts/delivery/change_form.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return DeliveryList

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Start from the user's rows; where these are few, by their messages and not by walking all others."""
        rows = super().get_queryset(request)
        organizations = Access.of(request).organizations()
        if organizations is None or not is_list(request):
            return rows
        total = within(Batch.objects.all(), organizations).aggregate(total=Sum("total"))["total"] or 0
        own = list(Message.objects.filter(broadcast__organization__in=organizations).values_list("pk")[: NAMED + 1])
        return rows if total > FEW or len(own) > NAMED else Delivery.objects.filter(message__in=[pk for (pk,) in own])

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        told = {fact: getattr(obj, f"{fact}_at", None) for fact in FACTS}
        facts = stats.shown_facts(obj.message.reports if obj else (), told)
        sms = ["segments", "cost"] if obj and obj.segments is not None else []
        return [
            (None, {"fields": ["what", "address", "contact", "message", "language", "status", "reason", "error"]}),
            *([("Channels", {"fields": ["chain"]})] if obj and chains.has_chain(obj) else []),
            ("Sending", {"fields": ["attempts", *sms, "due_at", "sent_at", "batch", "token", "created"]}),
            ("Conversations with the server", {"fields": ["conversations"]}),
            ("What came back", {"fields": [*(f"{fact}_at" for fact in facts), "events"]}),
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = super().get_list_display(request)
        if not request.GET.get("broadcast"):
            return columns
        place = columns.index("what")  # of one broadcast, its channels are shown
        return [name for name in (*columns[:place], "through", *columns[place:]) if name != "broadcast"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        key = term.strip("<>").partition("@")[0]
        if (pk := links.delivery_id(key)) is not None:
            return queryset.filter(pk=pk), False
        contacts = find_contacts(scoped(Contact.objects.all(), Access.of(request)), term, limit=200)
        return queryset.filter(Q(contact__in=contacts) | Q(pk=as_id(term) or 0)), False

    @admin.display(description="status")
    def shown_status(self, delivery: Delivery) -> str:
        return format_html('<span class="status status-{}">{}</span>', delivery.status, delivery.get_status_display())

    @admin.display(description="what became of it")
    def what(self, delivery: Delivery) -> str:
        told, waits = story(delivery), chains.takes_over(delivery, timezone.get_current_timezone())
        return f"{chains.sentence(told)} {waits}" if waits else told

    @admin.display(description="channel")
    def through(self, delivery: Any) -> str:
        """The channel, and the copy on the next one or on the one before."""
        channel = str(delivery.message.channel or "-")
        if delivery.replaced_by:
            goal, words = delivery.replaced_by, "then the next"
        elif delivery.replaces:
            goal, words = delivery.replaces, "after another"
        else:
            return channel
        return format_html('{}, <a href="{}">{}</a>', channel, row_url(Delivery, goal), words)

    @admin.display(description="copies, in their order")
    def chain(self, delivery: Delivery) -> str:
        zone = timezone.get_current_timezone()
        copies = chains.chain(delivery)
        channels = {one.pk: one.message.channel for one in copies}

        def line(one: Any) -> str:
            here = one.pk == delivery.pk
            name = format_html("<strong>{}</strong>", one.message.channel) if here else link(one, one.message.channel)
            return format_html("{}: {} {}", name, chains.sentence(story(one)), chains.follows(one, channels, zone))

        return format_html_join(mark_safe("<br>"), "{}", ((line(one),) for one in copies))

    @admin.display(description="broadcast")
    def broadcast(self, delivery: Delivery) -> str:
        return link(delivery.message.broadcast)

    @admin.display(description="recipient")
    def recipient(self, delivery: Delivery) -> str:
        return link(delivery.contact)

    @admin.display(description="key")
    def token(self, delivery: Delivery) -> str:
        return links.delivery_token(delivery.pk)

    @admin.display(description="cost")
    def cost(self, delivery: Delivery) -> str:
        price = delivery.message.segment_price
        return (
            "-"
            if price is None
            else f"{formats.number((delivery.segments or 0) * price, 4)} {delivery.message.currency}"
        )

    @admin.display(description="attempts, in their order")
    def conversations(self, delivery: Delivery) -> str:
        """Each attempt with the server's words: those refused, and those accepted where the channel keeps them."""
        zone = timezone.get_current_timezone()
        lines = [
            (
                formats.number(one.number),
                formats.moment(one.at, zone),
                OUTCOME[one.is_accepted],
                one.words or "no words",
            )
            for one in delivery.tries.order_by("pk")[:TRIES_SHOWN]
        ]
        return format_html_join(mark_safe("<br>"), "{}. {}, {}: {}", lines) or "No attempt is on record."

    @admin.display(description="events")
    def events(self, delivery: Delivery) -> str:
        return format_html('<a href="{}">All events</a>', list_url(DeliveryEvent, delivery=delivery.pk))

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        delivery = self.get_object(request, object_id)
        offered = []
        if delivery and delivery.status == Delivery.Status.UNKNOWN and self.may(request, "send", delivery):
            offered = [(name, label) for name, (label, _) in UNKNOWN.items()]
        context = {"unknown_actions": offered, "delivery": delivery, "log": list_url(Delivery)}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    # The actions of staff on unknown deliveries.

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        return {name: one for name, one in actions.items() if name not in UNKNOWN or self.may(request, "send")}

    @admin.action(description="Mark as sent (unknown ones)")
    def mark_sent(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._settle(request, queryset, "mark_sent")

    @admin.action(description="Mark as failed (unknown ones)")
    def mark_failed(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._settle(request, queryset, "mark_failed")

    @admin.action(description="Send again (unknown ones)")
    def send_again(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._settle(request, queryset, "send_again")

    def _settle(self, request: HttpRequest, queryset: QuerySet, name: str) -> HttpResponse | None:
        """Ask first; then settle the unknown ones among the rows, so many at once."""
        rows = scoped(queryset, Access.of(request), "send").filter(status=Delivery.Status.UNKNOWN)
        chosen = list(rows.select_related("message__broadcast__organization", "contact")[: SETTLED_AT_ONCE + 1])
        if not chosen:
            messages.warning(request, "None of these has an unknown outcome that you may settle: nothing was done.")
            return None
        if "confirmed" not in request.POST:
            label, consequence = UNKNOWN[name]
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": label,
                "name": name,
                "consequence": consequence,
                "rows": chosen[:SETTLED_AT_ONCE],
                "more": len(chosen) > SETTLED_AT_ONCE,
                "limit": SETTLED_AT_ONCE,
            }
            return TemplateResponse(request, "admin/broadcasts/delivery/settle.html", context)
        done, refused = 0, ""
        for delivery in chosen[:SETTLED_AT_ONCE]:
            try:
                if name == "send_again":
                    sending.resend(delivery, by=Access.of(request).user)
                else:
                    sending.settle(delivery, "sent" if name == "mark_sent" else "failed", by=Access.of(request).user)
                done += 1
            except BroadcastsError as error:
                refused = str(error)
        if done:
            messages.success(request, f"{UNKNOWN[name][0]}: {done} done.")
        if refused:
            messages.error(request, f"{len(chosen[:SETTLED_AT_ONCE]) - done} were left as they are: {refused}")
        return None


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = [
        "__str__",
        "message",
        "state",
        *(number_column(Batch, name) for name in ("total", "sent", "failed", "unknown", "skipped")),
        "owner",
        "lease_until",
    ]
    list_select_related = ["message__broadcast", "message__channel"]
    list_filter = [choice_filter("state", Batch.State), BroadcastListFilter]
    search_fields = ["owner__exact"]
    search_help_text = "The whole name of the worker that holds it."
    sortable_by = []
