"""What is written: content, subject, preheader, pictures, size and files."""

from django.conf import settings

from broadcasts import formats, rendering
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Editing, Message
from broadcasts.sending import readiness

from .draft import Draft, told
from .lines import Detail, Level, Line, ok, stop, warning

# Gmail shows the first 102 KB of a mail's HTML, and a link to the rest.
CLIPPED_ABOVE = 102 * 1024
# Above that, servers of recipients begin to refuse mail: files grow by a third when they are encoded.
HEAVY_FILES_MB = 5
SHOWN = 10  # people with words that are not saved


def content(draft: Draft) -> Line:
    """Ask whether everything says something, and can be rendered."""
    if not draft.messages:
        return stop("content", readiness.NO_MESSAGE, step="what")
    empty = [Detail(readiness.BLANK, one) for one in draft.messages if not _has_any(draft, one)]
    blank = [
        draft.detail(copy, readiness.BLANK)
        for copy in draft.copies
        if copy.content.is_blank and not copy.message.has_provider_template
    ]
    broken = [draft.detail(copy, copy.fault) for copy in draft.copies if copy.fault]
    return told(
        "content",
        [*empty, *blank, *broken],
        level=Level.STOP,
        fine="The content is complete, and an example of each language can be shown.",
        bad="Content is missing or broken. Mend it, then look at the preview.",
    )


def _has_any(draft: Draft, message: Message) -> bool:
    return message.has_provider_template or any(copy.message is message for copy in draft.copies)


def unsaved(draft: Draft) -> Line | None:
    """Ask whether somebody typed words on a page that could not be saved, so that they will not be sent."""
    rows = Editing.objects.filter(broadcast=draft.broadcast).exclude(form="").select_related("user").order_by("pk")
    messages = {f"what:{one.pk}": one for one in draft.messages}
    found = [
        Detail(f"{one.user} on {one.place.partition(':')[0].title()}", messages.get(one.place)) for one in rows[:SHOWN]
    ]
    if not found:
        return None
    words = "Words that somebody typed are not saved, and will not be sent. Have them saved or discarded on their page."
    first = rows[0].place.partition(":")[0]
    return warning("unsaved", words, step=first, message=found[0].message, detail=tuple(found))


def examples(draft: Draft) -> Line | None:
    """Name the languages that there was no time to look at."""
    unseen = [draft.detail(copy, "not looked at") for copy in draft.copies if not copy.is_seen]
    if not unseen:
        return None
    words = "There was no time to look at all languages. Look at their previews, or make the content simpler."
    return told("examples", unseen, fine="", bad=words)


def subject(draft: Draft) -> Line | None:
    """Ask for a subject in each language of mail."""
    if not draft.mail:
        return None
    lacking = [copy for copy in draft.mail if not copy.content.subject.strip()]
    default = draft.organization.default_subject
    if lacking and default:
        return ok("subject", f"Where no subject is written, it is the organization's: “{default}”.", step="what")
    return told(
        "subject",
        [draft.detail(copy, "no subject") for copy in lacking],
        level=Level.STOP,
        fine=f"Every mail has a subject: “{draft.mail[0].subject}”.",
        bad="A mail has no subject. Write one: it is the first thing that people read.",
    )


def preheader(draft: Draft) -> Line | None:
    """Ask for the words that mailboxes show beside the subject; only HTML has them."""
    if not draft.html_mail:
        return None
    lacking = [copy for copy in draft.html_mail if not copy.content.preheader.strip()]
    return told(
        "preheader",
        [draft.detail(copy, "no preheader") for copy in lacking],
        fine="Every mail has a preheader.",
        bad="A mail has no preheader, so mailboxes show its first words beside the subject. Write one.",
    )


def pictures(draft: Draft) -> Line | None:
    """Ask for the alternative text of pictures, which many people read instead."""
    shown = [(copy, copy.page.pictures) for copy in draft.html_mail]
    if not any(pictures for _, pictures in shown):
        return None
    lacking = [(copy, n) for copy, pictures in shown if (n := sum(not alt for alt in pictures))]
    return told(
        "pictures",
        [draft.detail(copy, f"{formats.number(n)} without alternative text") for copy, n in lacking],
        fine="Every picture has an alternative text.",
        bad="Pictures have no alternative text. Say what they show: many mailboxes hide pictures at first.",
    )


def size(draft: Draft) -> Line | None:
    """Ask whether Gmail would clip the mail."""
    if not draft.html_mail:
        return None
    large = [(copy, copy.size) for copy in draft.html_mail if copy.size > CLIPPED_ABOVE]
    largest = max(copy.size for copy in draft.html_mail)
    return told(
        "size",
        [draft.detail(copy, f"{_kilobytes(size)} KB") for copy, size in large],
        fine=f"The largest mail has {_kilobytes(largest)} KB of HTML; Gmail shows up to 102 KB.",
        bad="The mail is too long: Gmail hides what comes after 102 KB, the way to unsubscribe too. Shorten it.",
    )


def _kilobytes(size: int) -> str:
    return formats.number(-(-size // 1024))


def files(draft: Draft) -> Line | None:
    """Ask whether the files of a mail are larger than many servers like."""
    found, refused = [], []
    for copy in draft.mail:
        if not copy.content.attachments:
            continue
        try:
            rows = rendering.validate_attachments(draft.organization, copy.content.attachments)
        except BroadcastsError as error:
            refused.append(draft.detail(copy, str(error)))
            continue
        found.append((copy, sum(media.size for media in rows)))
    if refused:
        bad = f"Files cannot be sent. At most {formats.number(settings.MAIL_FILES_MAX_MB)} MB fit into one mail."
        return told("files", refused, level=Level.STOP, fine="", bad=bad)
    if not found:
        return None
    heavy = [(copy, size) for copy, size in found if size > HEAVY_FILES_MB * 10**6]
    return told(
        "files",
        [draft.detail(copy, f"{formats.number(size / 10**6, 1)} MB of files") for copy, size in heavy],
        fine="The files are small enough for mail.",
        bad=f"The files have more than {HEAVY_FILES_MB} MB. Some mailboxes refuse that: link to them instead.",
    )
