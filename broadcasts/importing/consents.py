"""Consent in imports: which contacts are suppressed, and the consent that contacts gave elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from broadcasts import noting
from broadcasts.exceptions import InvalidInput
from broadcasts.mediums import PERSONAL, address_hash
from broadcasts.models import (
    Consent,
    ConsentChange,
    ConsentState,
    Contact,
    ImportJob,
    Medium,
    Organization,
    Suppression,
    UseCase,
)

from .bulk import Table
from .upsert import ContactState


def validate_consent(given: object) -> dict[str, str]:
    """Return {medium, use_case, source, wording} of a consent, as stored with an import; raises InvalidInput."""
    if not isinstance(given, Mapping):
        raise InvalidInput({"consent": 'Give an object: {"use_case": "marketing", "source": "...", "wording": "..."}.'})
    known = {"medium": "email", "use_case": "marketing", "source": "", "wording": ""}
    if unknown := [str(name) for name in given if name not in known]:
        raise InvalidInput({"consent": f"“{unknown[0][:40]}” is none of {', '.join(known)}."})
    told = {name: str(given.get(name) or default).strip() for name, default in known.items()}
    for name, accepted in (("medium", list(PERSONAL)), ("use_case", UseCase.values)):
        if told[name] not in accepted:
            raise InvalidInput({"consent": f"{name}: “{told[name][:40]}” is none of {', '.join(accepted)}."})
    for name in ("source", "wording"):
        if not told[name]:
            raise InvalidInput({"consent": f"{name}: say it; without it nobody can prove the consent later."})
    if len(told["source"]) > 255:
        raise InvalidInput({"consent": "source: it has 255 characters at most."})
    return told


def suppressed(organization: Organization, people: Iterable[ContactState]) -> dict[str, set[str]]:
    """Return {medium: lookup keys of these people that are suppressed there, for any use case}."""
    people = list(people)
    found: dict[str, set[str]] = {}
    for medium, own in PERSONAL.items() if people else ():
        keys = [key for person in people if (key := person.values[own.key])]
        rows = Suppression.objects.for_organization(organization).filter(medium=medium).order_by()
        if keys and rows.exists():  # otherwise no key needs to be hashed
            hashes = {str(address_hash(key)): key for key in keys}
            read = ("address_hash",)
            hits = Table(Suppression, (), ()).find(read, "address_hash", hashes, organization.pk, medium=medium.value)
            found[medium] = {hashes[hit] for (hit,) in hits}
    return found


def is_suppressed(person: ContactState, found: Mapping[str, set[str]]) -> bool:
    return any(person.values[own.key] in found.get(medium, ()) for medium, own in PERSONAL.items())


def grant(job: ImportJob, people: Mapping[int, ContactState], found: Mapping[str, set[str]]) -> None:
    """Grant the import's consent to {contact id: contact} without a known consent; opt-outs are never overwritten."""
    told: dict[str, Any] = job.options["consent"]
    medium, use_case = told["medium"], told["use_case"]
    keys = {pk: person.values[PERSONAL[Medium(medium)].key] for pk, person in people.items()}
    asked = {pk for pk, key in keys.items() if key and key not in found.get(medium, ())}
    known = Consent.objects.filter(contact__in=asked, medium=medium)
    refused = known.filter(state=ConsentState.WITHDRAWN) | known.filter(use_case=use_case)
    asked -= set(refused.values_list("contact", flat=True))
    asked -= set(
        Contact.objects.filter(pk__in=asked).exclude(status=Contact.Status.ACTIVE).values_list("pk", flat=True)
    )
    place = {"medium": medium, "use_case": use_case, "state": ConsentState.GRANTED}
    fresh = [Consent(contact_id=pk, **place) for pk in sorted(asked)]
    Consent.objects.bulk_create(fresh, ignore_conflicts=True)
    # A concurrent consent is kept, so the history gets only the rows that were inserted here.
    ours = Consent.objects.filter(uuid__in=[one.uuid for one in fresh]).values_list("contact", flat=True)
    evidence = {"wording": told["wording"], "import": str(job.uuid), "file": job.filename}
    changes = ConsentChange.objects.bulk_create(
        ConsentChange(contact_id=pk, **place, source=told["source"], evidence=evidence) for pk in ours
    )
    noting.note_consents(job.organization_id, changes)
