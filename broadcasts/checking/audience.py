"""Whether the right people get it: somebody, in a language that they read, with all values, and not every day."""

from collections import Counter

from broadcasts import formats, rendering
from broadcasts.languages import choose_language, language_name, nearest_language
from broadcasts.models import Broadcast, Reason
from broadcasts.sending import expansion

from .draft import Draft
from .lines import Detail, Line, coarse, ok, people, stop, warning
from .people import LATELY, People

PEOPLE = "broadcasts_broadcast_people"
LACKING = "broadcasts_broadcast_lacking"
FALLING_BACK = 0.05  # share of the recipients from which on a language of no content is worth a warning
LEFT_WITHOUT = 0.5  # share of the matched without consent from which on somebody should look
MOST_NAMED = 5


def recipients(draft: Draft, counted: People) -> Line:
    """Ask whether anybody would receive it, and say why others would not."""
    found = counted.estimate
    left = tuple(
        Detail(
            f"{formats.number(n)} left out: {reason.label}",
            address=(PEOPLE, draft.broadcast.pk, f"reason={reason.value}"),
        )
        for reason in Reason
        if (n := found.skipped.get(reason.value))
    )
    if not found.will_receive:
        words = f"{expansion.LEFT_OUT}. Choose other people." if found.matched else f"{expansion.NOBODY} Choose people."
        return stop("recipients", words, step="who", detail=left)
    if draft.broadcast.channel_policy == Broadcast.Policy.EVERY and len(draft.messages) > 1:
        copies = f"{formats.number(found.will_receive)} {'copy' if found.will_receive == 1 else 'copies'}"
        return ok("recipients", f"{copies} will be sent.", step="who", detail=left)
    return ok("recipients", f"{people(found.will_receive)} will receive it.", step="who", detail=left)


def consent(draft: Draft, counted: People) -> Line | None:
    """Say how many are left out since they did not agree, where the organization requires consent."""
    if not (draft.is_marketing and draft.organization.consent_required):
        return None
    left, matched = counted.estimate.skipped.get(Reason.NO_CONSENT, 0), counted.estimate.matched
    if left <= LEFT_WITHOUT * matched:
        words = f"{people(left)} did not agree to marketing and {'is' if left == 1 else 'are'} left out."
        return ok("consent", words if left else "Everybody in the audience agreed to marketing.", step="who")
    return warning(
        "consent",
        f"{formats.number(left)} of {people(matched)} did not agree to marketing and are left out. Ask "
        "them by an opt-in, or see whether their consent was imported.",
        step="who",
        stable=f"left out {coarse(left)}",
        detail=(Detail("Who they are", address=(PEOPLE, draft.broadcast.pk, f"reason={Reason.NO_CONSENT.value}")),),
    )


def languages(draft: Draft, counted: People) -> Line | None:
    """Ask which languages of the recipients have no content, and what these people read instead."""
    if not draft.copies:
        return None
    lost = counted.estimate.skipped.get(Reason.NO_TRANSLATION, 0)
    others = _falling_back(draft, counted)
    total = sum(others.values())
    detail = tuple(
        Detail(f"{people(n, 'reads', 'read')} {language_name(tag)}: they get {language_name(instead)}")
        for (tag, instead), n in others.most_common(MOST_NAMED)
    )
    known = {tag for tag, _ in others} & set(draft.organization.languages)
    if lost:
        words = f"{people(lost, 'gets', 'get')} nothing: there is no content in a language that fits. Add one."
        return warning("languages", words, step="what", detail=detail, stable=f"nothing {coarse(lost)}")
    if known or total > FALLING_BACK * counted.number:
        words = f"{people(total, 'reads', 'read')} a language without content. Add it, or have them get another."
        stable = f"{coarse(total)} {sorted(tag for tag, _ in others)}"
        return warning("languages", words, step="what", detail=detail, stable=stable)
    if total:
        words = f"Nearly everybody gets a language that they read; {people(total, 'gets', 'get')} another."
        return ok("languages", words, step="what", detail=detail)
    return ok("languages", "Everybody whose language is known gets it in that language.", step="what")


def _falling_back(draft: Draft, counted: People) -> Counter[tuple[str, str]]:
    """Return {(language, what is sent instead): people} of those who get a language that is not theirs."""
    others = Counter[tuple[str, str]]()
    defaults = draft.organization.primary_language, draft.broadcast.base_language
    for message, languages in zip(draft.messages, counted.languages, strict=False):
        offered = [copy.language for copy in draft.copies if copy.message is message]
        for tag, n in languages.items():
            if tag and not nearest_language(tag, offered) and (instead := choose_language(tag, offered, defaults)):
                others[tag, instead] = max(others[tag, instead], n)
    return others


def missing_values(draft: Draft, counted: People) -> Line | None:
    """Ask how many people lack a value that the content names without a default."""
    _, needed = rendering.lacking(draft.broadcast)
    if not needed:
        return None
    lacking = [one for one in needed if one.count]
    if not lacking:
        return ok("missing_values", "Everybody has all the values that the content names.", step="what")
    detail = tuple(
        Detail(
            f"{formats.number(one.count)} without {one.label.lower()} ({', '.join(one.places)})",
            address=(LACKING, draft.broadcast.pk, f"field={one.name}"),
        )
        for one in lacking
    )
    most = max(one.count for one in lacking)
    words = f"{people(most, 'lacks', 'lack')} a value that the content names. Give it a default."
    stable = " ".join(f"{one.name} {coarse(one.count)}" for one in lacking)
    return warning("missing_values", words, step="what", detail=detail, stable=stable)


def recent(draft: Draft, counted: People) -> Line:
    """Ask how many were sent another broadcast within two days before."""
    days = LATELY.days
    if not counted.recent:
        return ok("recent", f"Nobody of them got another broadcast in the {days} days before.", step="when")
    named = tuple(
        Detail(f"“{one}”", address=("broadcasts_broadcast_change", one.pk, "")) for one in counted.lately[:MOST_NAMED]
    )
    share = counted.recent / max(counted.number, 1)
    return warning(
        "recent",
        f"{formats.number(counted.recent)} of these people ({formats.percent(share)}) got another broadcast in the "
        f"{days} days before. Wait, or leave them out.",
        step="when",
        detail=named,
        stable=f"{coarse(counted.recent)} {[one.pk for one in counted.lately]}",
    )
