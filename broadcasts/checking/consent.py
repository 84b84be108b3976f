"""What laws and receivers ask of a sender: the use case, the way to unsubscribe, the postal address."""

import json

from broadcasts import formats
from broadcasts.models import Organization, UseCase
from broadcasts.rendering.footers import STOP

from .draft import Copy, Draft, told
from .lines import Detail, Line, ok, warning

ORGANIZATION = "broadcasts_organization_change"


def use_cases(organization: Organization) -> dict[str, str]:
    """Return {use case: what it does, in words}."""
    consent = "has not agreed to it" if organization.consent_required else "unsubscribed"
    cap = ""
    if organization.frequency_cap:
        most, days = formats.number(organization.frequency_cap), formats.number(organization.frequency_cap_days)
        cap = f" A person gets at most {most} of them in {days} days."
    return {
        UseCase.MARKETING: f"News and offers. Leaves out everyone who {consent}, and waits for the end of quiet hours."
        f"{cap} Mail needs an unsubscribe link and your postal address.",
        UseCase.GENERAL: "What people need to know, such as a class that moves or a bill. Also reaches people who "
        "unsubscribed from marketing, but no address that bounced, complained or stopped everything.",
    }


def use_case(draft: Draft) -> Line:
    """Say what the use case of the broadcast does."""
    chosen = UseCase(draft.broadcast.use_case)
    words = f"{chosen.label}: {use_cases(draft.organization)[chosen]}"
    return ok("use_case", words, step="who", stable=chosen.value)


def unsubscribe(draft: Draft) -> Line | None:
    """Say how people unsubscribe: by words of the author, by the footer that rendering adds, or by a header alone."""
    if not draft.copies:
        return None
    if not draft.is_marketing:
        if not draft.mail:
            return None
        words = "Mail programs show their own button to unsubscribe; a general message has no link to it in its text."
        return ok("unsubscribe", words, step="what")
    silent = [copy for copy in draft.copies if copy.message.has_provider_template and not _template_says_stop(copy)]
    if silent:
        return told(
            "unsubscribe",
            [draft.detail(copy, f"the template “{copy.message.template}”") for copy in silent],
            fine="",
            bad="The provider sends its template unchanged, and it does not say how to stop. Choose one that does.",
        )
    if any(copy.adds_html_footer or copy.adds_text_footer for copy in draft.copies):
        return ok("unsubscribe", "A footer that says how to unsubscribe is added to every copy that does not.")
    return ok("unsubscribe", "The content says how to unsubscribe.", step="what")


def _template_says_stop(copy: Copy) -> bool:
    assert copy.message.template is not None
    rows = copy.message.template.translations.all()
    structure: dict = next((one.structure for one in rows if one.language == copy.language), {})
    return not structure or STOP.search(json.dumps(structure).upper()) is not None


def postal_address(draft: Draft) -> Line | None:
    """Ask for the sender's postal address in marketing mail, as CAN-SPAM does."""
    if not (draft.is_marketing and draft.mail):
        return None
    address = [line.strip() for line in draft.organization.postal_address.splitlines() if line.strip()]
    if not address:
        return warning(
            "postal_address",
            "The organization has no postal address, which laws such as CAN-SPAM ask for in marketing mail. An admin "
            "can add it under Organizations; unless the text names it, add it.",
            detail=(Detail("Organization", address=(ORGANIZATION, draft.organization.pk, "")),),
        )
    lacking = [copy for copy in draft.mail if not _names(copy, address)]
    return told(
        "postal_address",
        [draft.detail(copy, "no postal address") for copy in lacking],
        fine="Every mail names the organization's postal address.",
        bad="The mail has its own way to unsubscribe, so no footer with the postal address is added, and it does not "
        "name the address itself. Write {{ organization.postal_address }} where it belongs.",
    )


def _names(copy: Copy, address: list[str]) -> bool:
    """Tell whether what people read names the address: the HTML if there is one, else the text."""
    if copy.rendered is None:
        return True  # the line about content tells of it
    words = " ".join((copy.page.words if copy.rendered.html else copy.rendered.text).split())
    return all(" ".join(line.split()) in words for line in address)


def recorded_consent(draft: Draft) -> Line | None:
    """Ask for recorded consent where marketing goes to phones: laws ask for a yes before (TCPA, ePrivacy)."""
    phones = {copy.message.medium for copy in draft.copies} & {"sms", "whatsapp"}
    if not (draft.is_marketing and phones):
        return None
    if draft.organization.consent_required:
        return ok("recorded_consent", "Only people whose consent is recorded get it on their phone.", step="who")
    return warning(
        "recorded_consent",
        "Marketing by SMS and WhatsApp needs people's consent before, and this organization sends it to everybody who "
        "did not opt out. Make sure that they agreed, or have an admin require consent under Organizations.",
        step="who",
    )
