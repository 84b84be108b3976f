"""Ask all questions of the check, the quick ones apart from those that count people."""

import time
from collections.abc import Callable
from dataclasses import replace

from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Broadcast

from . import (
    answers,
    audience,
    bounces,
    channels,
    consent,
    content,
    domains,
    links,
    people,
    remembering,
    times,
    wording,
)
from .draft import Draft, read
from .lines import Line, stop

# In the order in which pages show them.
QUICK: tuple[Callable[[Draft], Line | None], ...] = (
    channels.organization,
    content.content,
    content.unsaved,
    content.examples,
    content.subject,
    content.preheader,
    consent.use_case,
    consent.unsubscribe,
    consent.postal_address,
    consent.recorded_consent,
    channels.channel,
    channels.sender,
    domains.domain,
    channels.template,
    channels.policy,
    content.pictures,
    content.size,
    content.files,
    wording.subject_style,
    wording.few_words,
    wording.text_part,
    wording.shorteners,
    wording.deceptive_links,
)
COUNTED: tuple[Callable[[Draft, people.People], Line | None], ...] = (
    audience.recipients,
    audience.consent,
    audience.languages,
    audience.missing_values,
    audience.recent,
    bounces.projected_bounces,
    times.schedule,
    times.quiet_hours,
    times.limits,
    times.expiry,
    times.cost,
)


def check(broadcast: Broadcast) -> list[Line]:
    """Return all lines of a broadcast that has not begun, the quick ones first."""
    draft = read(broadcast)
    return [*quick_lines(draft), *counted_lines(draft)]


def quick_lines(draft: Draft) -> list[Line]:
    """Return the lines that take no longer for many people than for a few; links are asked for in the background."""
    found = links.links_of(draft)
    known = answers.known(draft.organization, found.asked)
    asked = [question(draft) for question in QUICK]
    asked += [links.answering(draft, found, known), links.examples(draft, found), links.addresses(draft, found)]
    return [line for line in asked if line is not None]


def counted_lines(draft: Draft, counted: people.People | None = None) -> list[Line]:
    """Return the lines that need everybody in the audience counted; what took long is remembered for a while.

    counted: the recipients, where the caller has counted them.
    """
    if not draft.messages:
        return []  # that there is nothing to send is told by the quick lines
    key = remembering.key_of(draft)
    if (kept := remembering.recall(key, draft)) is not None:
        return kept
    begun = time.monotonic()
    lines = _count(draft, counted)
    seconds = time.monotonic() - begun
    lines = [replace(line, seconds=seconds) if line.name == "recipients" else line for line in lines]
    if seconds > remembering.SLOW_SECONDS:
        remembering.remember(key, lines)
    return lines


def _count(draft: Draft, counted: people.People | None) -> list[Line]:
    try:
        counted = counted or people.count(draft)
    except BroadcastsError as error:
        return [stop("recipients", f"The audience cannot be read. {error}", step="who")]
    questions = COUNTED if counted.estimate.will_receive else COUNTED[:1]
    return [line for question in questions if (line := question(draft, counted)) is not None]
