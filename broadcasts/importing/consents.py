"""What an import knows of consent: whom it must not count as reachable, and a yes that these people gave elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from broadcasts.exceptions import InvalidInput
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
    address_hash,
)

from .upsert import Person

# Which key of a person an address of a medium is.
ADDRESSES = {Medium.EMAIL: "email_key", Medium.SMS: "phone_key", Medium.WHATSAPP: "whatsapp_key"}


def validate_consent(given: object) -> dict[str, str]:
    """Return a yes as it is kept with an import, or raise InvalidInput: its kind, its use case, where it comes from."""
    if not isinstance(given, Mapping):
        raise InvalidInput({"consent": 'Give an object: {"use_case": "marketing", "source": "...", "wording": "..."}.'})
    known = {"medium": "email", "use_case": "marketing", "source": "", "wording": ""}
    if unknown := [str(name) for name in given if name not in known]:
        raise InvalidInput({"consent": f"“{unknown[0][:40]}” is none of {', '.join(known)}."})
    told = {name: str(given.get(name) or default).strip() for name, default in known.items()}
    for name, accepted in (("medium", list(ADDRESSES)), ("use_case", UseCase.values)):
        if told[name] not in accepted:
            raise InvalidInput({"consent": f"{name}: “{told[name][:40]}” is none of {', '.join(accepted)}."})
    for name in ("source", "wording"):
        if not told[name]:
            raise InvalidInput({"consent": f"{name}: say it; without it nobody can prove the consent later."})
    if len(told["source"]) > 255:
        raise InvalidInput({"consent": "source: it has 255 characters at most."})
    return told


def suppressed(organization: Organization, people: Iterable[Person]) -> dict[str, set[str]]:
    """Return {medium: those keys of these people that are suppressed there, whatever for}."""
    people = list(people)
    found: dict[str, set[str]] = {}
    for kind, name in ADDRESSES.items() if people else ():
        rows = Suppression.objects.for_organization(organization).filter(medium=kind).order_by()
        if rows.exists():  # else nothing needs to be hashed
            hashes = {address_hash(key): key for person in people if (key := person.values[name])}
            hits = rows.filter(address_hash__in=hashes).values_list("address_hash", flat=True)
            found[kind] = {hashes[hit] for hit in hits}
    return found


def is_suppressed(person: Person, found: Mapping[str, set[str]]) -> bool:
    return any(person.values[name] in found.get(kind, ()) for kind, name in ADDRESSES.items())


def grant(job: ImportJob, people: Mapping[int, Person], found: Mapping[str, set[str]]) -> None:
    """Write the yes of people by their ids, of whom no word on it is known; a no of any kind is never written over."""
    told: dict[str, Any] = job.options["consent"]
    kind, use_case = told["medium"], told["use_case"]
    name = ADDRESSES[Medium(kind)]
    asked = {
        pk for pk, person in people.items() if person.values[name] and person.values[name] not in found.get(kind, ())
    }
    known = Consent.objects.filter(contact__in=asked, medium=kind)
    refused = known.filter(state=ConsentState.WITHDRAWN) | known.filter(use_case=use_case)
    asked -= set(refused.values_list("contact", flat=True))
    asked -= set(
        Contact.objects.filter(pk__in=asked).exclude(status=Contact.Status.ACTIVE).values_list("pk", flat=True)
    )
    fresh = [Consent(contact_id=pk, medium=kind, use_case=use_case, state=ConsentState.GRANTED) for pk in sorted(asked)]
    Consent.objects.bulk_create(fresh, ignore_conflicts=True)
    # Whose word came in between keeps it, so the history tells only of rows that are ours.
    ours = Consent.objects.filter(uuid__in=[one.uuid for one in fresh]).values_list("contact", flat=True)
    evidence = {"wording": told["wording"], "import": str(job.uuid), "file": job.filename}
    ConsentChange.objects.bulk_create(
        ConsentChange(
            contact_id=pk,
            medium=kind,
            use_case=use_case,
            state=ConsentState.GRANTED,
            source=told["source"],
            evidence=evidence,
        )
        for pk in ours
    )
