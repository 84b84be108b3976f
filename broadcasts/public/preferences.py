from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from broadcasts import confirming, consenting, links, tracking
from broadcasts.exceptions import BroadcastsError, WrongState
from broadcasts.languages import own_language_name
from broadcasts.mediums import PERSONAL
from broadcasts.models import (
    AuditEntry,
    Consent,
    ConsentState,
    Contact,
    Delivery,
    Medium,
    Suppression,
    UseCase,
)

from .pages import asked_language, bad_link, masked, notice, page, proof
from .texts import PREFERENCES, spoken

SOURCE = "preference page"
NO_TRACKING = "no-tracking"  # the name of this choice among those of mediums


@dataclass(frozen=True)
class Choice:
    """The consent for one use case on one medium, as the page shows it."""

    medium: str
    use_case: str
    wording: str
    is_on: bool
    is_stopped: bool  # by another suppression than the contact's own

    @property
    def name(self) -> str:
        return f"{self.medium}-{self.use_case}"


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show and save a contact's consents and language; only changes are written, with their evidence."""
    delivery_id = links.delivery_id(token)
    if delivery_id == links.TEST_SEND:
        words = PREFERENCES[spoken(asked_language(request))]
        return notice(request, words["test_title"], words["test"], asked_language(request))
    delivery = _delivery(delivery_id)
    if delivery is None or delivery.contact is None:
        return bad_link(request)
    contact = delivery.contact
    said = ""
    if request.method == "POST" and request.POST.get("act") == "data":
        said = "data_sent"
        with suppress(BroadcastsError):  # the same page, so that readers of forwarded mail learn nothing
            confirming.ask_for_data(contact)
    elif request.method == "POST":
        said = "saved"
        try:
            contact = _save(request, delivery, contact)
        except WrongState:  # the contact was deleted meanwhile
            return bad_link(request)
    return page(request, "public/preferences.html", _context(delivery, contact, said))


def _delivery(pk: int | None) -> Delivery | None:
    """Return a delivery if its address still belongs to its contact; otherwise None."""
    if not pk:
        return None
    related = ("contact__organization", "message__channel", "message__broadcast")
    delivery = Delivery.objects.select_related(*related).filter(pk=pk, contact__isnull=False).first()
    if delivery is None or delivery.contact is None:
        return None
    return delivery if consenting.hash_of(delivery.address) in delivery.contact.hashes else None


def _context(delivery: Delivery, contact: Contact, said: str) -> dict[str, object]:
    organization = contact.organization
    language = contact.reading_language
    about = {"organization": organization.name, "address": masked(contact.email)}
    words = {name: text.format(**about) for name, text in PREFERENCES[spoken(language)].items()}
    choices = _choices(delivery, contact)
    by_medium = [
        (
            capfirst(consenting.medium_name(medium, language)),
            masked(consenting.address_of(contact, medium)),
            [one for one in choices if one.medium == medium],
        )
        for medium in dict.fromkeys(one.medium for one in choices)
    ]
    return {
        "language": spoken(language),
        "title": words["title"],
        "organization": organization,
        "words": words,
        "said": words[said] if said else "",
        "by_medium": by_medium,
        "was": " ".join(
            [
                *(one.name for one in choices if one.is_on and not one.is_stopped),
                *([NO_TRACKING] if contact.no_tracking else []),
            ]
        ),
        "no_tracking": NO_TRACKING if any(one.medium == Medium.EMAIL for one in choices) else "",
        "is_not_tracked": contact.no_tracking,
        "languages": [
            (tag, capfirst(own_language_name(tag)), tag == language)
            for tag in dict.fromkeys([*organization.languages, language])
        ],
        "may_ask": confirming.why_not(contact) == "",
    }


def _choices(delivery: Delivery, contact: Contact) -> list[Choice]:
    """Return the choices: each use case on each medium in use for which the contact has an address."""
    organization = contact.organization
    in_use = {channel.medium for channel in organization.channels.filter(is_active=True)} | {delivery.message.medium}
    mediums = [medium for medium in PERSONAL if medium in in_use and consenting.address_of(contact, medium)]
    states = {(row.medium, row.use_case): row.state for row in Consent.objects.filter(contact=contact)}
    return [
        _choice(contact, medium, use_case, states.get((medium, use_case), ConsentState.UNKNOWN))
        for medium in mediums
        for use_case in UseCase.values
    ]


def _choice(contact: Contact, medium: str, use_case: str, state: str) -> Choice:
    organization = contact.organization
    causes = set(consenting.blocking(contact, medium, use_case).values_list("reason", flat=True))
    needs_yes = use_case == UseCase.MARKETING and organization.consent_required
    said_no = state == ConsentState.WITHDRAWN or Suppression.Cause.UNSUBSCRIBE in causes
    language = contact.reading_language
    return Choice(
        medium,
        use_case,
        consenting.wording(organization, language, medium, use_case),
        is_on=not said_no and (state == ConsentState.GRANTED or not needs_yes),
        is_stopped=bool(causes - {Suppression.Cause.UNSUBSCRIBE}),
    )


@transaction.atomic
def _save(request: HttpRequest, delivery: Delivery, contact: Contact) -> Contact:
    """Write what the visitor changed on the page, and leave what changed elsewhere since it was shown."""
    contact = consenting.hold(contact)
    was, now = set(request.POST.get("was", "").split()), set(request.POST.getlist("get"))
    for choice in _choices(delivery, contact):
        if (choice.name in was) == (choice.name in now):
            continue
        place = (contact, choice.medium, choice.use_case)
        evidence = proof(request, SOURCE, choice.wording)
        if choice.name in now:
            if choice.is_stopped:
                continue  # the contact stays suppressed, so that a grant would have no effect
            consenting.grant(*place, source=SOURCE, evidence=evidence, by_person=True)
            continue
        consenting.withdraw(*place, source=SOURCE, evidence=evidence)
        if choice.medium == delivery.message.medium and choice.use_case == UseCase.MARKETING:
            tracking.unsubscribe(delivery, SOURCE)  # counted for the message with the link
    if (NO_TRACKING in was) != (NO_TRACKING in now):
        contact.no_tracking = NO_TRACKING in now
        contact.save(update_fields=["no_tracking", "modified"])
        told = {"fields": ["no_tracking"], "source": SOURCE}
        AuditEntry.write(contact, "change", organization=contact.organization, **told)
    organization = contact.organization
    shown = contact.reading_language
    chosen = request.POST.get("language", shown)
    if chosen != shown and chosen in organization.languages:
        contact.language = chosen
        contact.save(update_fields=["language", "modified"])
    return contact
