"""The versions of a message: listed, compared side by side, and brought back."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from broadcasts import comparing, drafting, formats, previewing, versioning
from broadcasts.comparing import Effort, Piece, RowPair
from broadcasts.exceptions import BroadcastsError, InvalidInput
from broadcasts.languages import language_name
from broadcasts.models import Medium, Message, MessageVersion

from .access import Access
from .showing import faults_of, sandboxed, shown_page

NOW = 0  # in an address, in the place of a version: what the message says now
NOBODY = "A program"
STYLES = forms.Media(css={"all": ["broadcasts/versions.css"]})
FINAL = {"format": "html", "source": "", "blocks": [], "slots": {}}  # HTML that is shown as it was sent
AS_TEXT = '<meta charset="utf-8"><body style="font-family: sans-serif; white-space: pre-wrap">{}</body>'
REMOVED = '<del><span class="visually-hidden">removed: </span>{}</del>'
ADDED = '<ins><span class="visually-hidden">added: </span>{}</ins>'


class MessageVersions(admin.ModelAdmin):
    """The addresses of versions, for the admin of messages."""

    def get_urls(self) -> list:
        def page(suffix: str, view: Callable[..., HttpResponse], what: str) -> Any:
            return path(
                f"<int:pk>/versions/{suffix}", self.admin_site.admin_view(view), name=f"broadcasts_message_{what}"
            )

        return [
            page("", self.versions_view, "versions"),
            page("<int:version>/", self.version_view, "version"),
            page("<int:version>/shown/", self.version_shown_view, "version_shown"),
            page("<int:version>/bring-back/", self.bring_back_view, "bring_back"),
            *super().get_urls(),
        ]

    def versions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the versions, the newest first, with what changed in each."""
        message = self._message(request, pk)
        rows = list(message.versions.defer("content"))
        listed = [
            {
                "version": version,
                "who": version.author_name or NOBODY,
                "changed": versioning.changes(before.parts, version.parts) if before else ["First version"],
                "before": before,
            }
            for version, before in zip_longest(rows, rows[1:])
        ]
        return self._version_page(request, message, "versions", f"Versions: {message}", listed=listed)

    def version_view(self, request: HttpRequest, pk: int, version: int) -> HttpResponse:
        """Show how a version differs from what the message says now, or from another version."""
        message = self._message(request, pk)
        chosen = self._version(message, version)
        form = CompareForm(request.GET, message, chosen)
        other = form.other
        pair = sorted([chosen, *([other] if other else [])], key=lambda one: one.pk)
        older, newer = pair[0], pair[1] if other else None
        contents = older.content, newer.content if newer else content_now(message)
        budget = Effort()
        sections = comparing.compare(*contents, budget)
        languages = list(dict.fromkeys(tag for one in reversed(contents) for tag in one["languages"]))
        language = form.language if form.language in languages else (languages or [""])[0]
        address = "admin:broadcasts_message_version_shown"
        return self._version_page(
            request,
            message,
            "version",
            f"Version of {formats.moment(chosen.modified, message.broadcast.organization.zone)}",
            chosen=chosen,
            form=form,
            sections=[(one, [(field, _shown_rows(field.rows)) for field in one.fields]) for one in sections],
            was_short=budget.was_short,
            older=older,
            newer=newer,
            languages=[(tag, language_name(tag)) for tag in languages],
            language=language,
            frames=[reverse(address, args=[pk, one.pk if one else NOW]) for one in (older, newer)],
        )

    def version_shown_view(self, request: HttpRequest, pk: int, version: int) -> HttpResponse:
        """Serve what one language of a version looks like, in a sandbox."""
        message = self._message(request, pk)
        content = content_now(message) if version == NOW else self._version(message, version).content
        spec, gone = drafting.restorable(message, content)
        contents = spec.pop("translations")
        if version == NOW and message.broadcast.has_begun:
            contents = {one.language: {**one.content(), **FINAL} for one in message.translations.all()}
        named: dict[str, Any] = {name: spec.get(name) for name in ("template", "layout", "syntax", "parameters")}
        broadcast = message.broadcast
        unsaved = previewing.unsaved_message(
            broadcast.organization, broadcast=broadcast, channel=spec.get("channel", message.channel), **named
        )
        try:
            shown = previewing.render_unsaved(unsaved, contents, language=request.GET.get("language", ""))
        except InvalidInput as error:
            return shown_page(request, "", list(error.errors.values()))
        if unsaved.medium == Medium.EMAIL and shown.html:
            return sandboxed(shown.html)
        if shown.text:
            return sandboxed(format_html(AS_TEXT, shown.text))
        return shown_page(request, "", faults_of(shown) + gone)

    def bring_back_view(self, request: HttpRequest, pk: int, version: int) -> HttpResponse:
        """Ask whether to write a version again, and with POST do it."""
        message = self._message(request, pk)
        chosen = self._version(message, version)
        goal = HttpResponseRedirect(reverse("admin:broadcasts_message_versions", args=[pk]))
        if not self.has_change_permission(request, message):
            messages.error(request, f"Nothing was brought back: {drafting.why_not_editable(message.broadcast)}")
            return goal
        if request.method != "POST":
            return self._asked(request, message, chosen)
        try:
            left_out = drafting.bring_back(message, chosen, Access.of(request).user)
        except BroadcastsError as error:
            messages.error(request, f"Nothing was brought back: {error}")
            return goal
        at = formats.moment(chosen.modified, message.broadcast.organization.zone)
        messages.success(request, f"The version of {at} is the content again.")
        for words in left_out:
            messages.warning(request, words)
        return goal

    def _asked(self, request: HttpRequest, message: Message, chosen: MessageVersion) -> HttpResponse:
        now = versioning.parts_of(versioning.content_of(message))
        return self._version_page(
            request,
            message,
            "bring_back",
            "Bring this version back?",
            chosen=chosen,
            changed=versioning.changes(now, chosen.parts),
            left_out=drafting.restorable(message, chosen.content)[1],
        )

    def _message(self, request: HttpRequest, pk: int) -> Message:
        """Return the message, or 404; 403 for who may not write, as for previews."""
        message: Any = self.get_object(request, str(pk))
        if message is None:
            raise Http404
        if not self.may(request, "write", message):  # type: ignore[attr-defined]
            raise PermissionDenied
        return message

    def _version(self, message: Message, pk: int) -> MessageVersion:
        found = message.versions.filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def _version_page(
        self, request: HttpRequest, message: Message, name: str, title: str, **context: Any
    ) -> HttpResponse:
        broadcast = message.broadcast
        around = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "media": self.media + STYLES,
            "broadcast": broadcast,
            "message": message,
            "zone": broadcast.organization.zone,
            "now": "What was sent" if broadcast.has_begun else "Current content",
            "may_change": self.has_change_permission(request, message),
            "why_not": drafting.why_not_editable(broadcast),
            "newest": message.versions.values_list("pk", flat=True).first(),
            "is_alone": broadcast.messages.count() == 1,
        }
        return TemplateResponse(request, f"admin/broadcasts/message/{name}.html", around | context)


class CompareForm(forms.Form):
    """With what a version is compared, and in which language its looks."""

    def __init__(self, data: Any, message: Message, chosen: MessageVersion) -> None:
        super().__init__(data)
        rows = list(message.versions.exclude(pk=chosen.pk).only("pk", "author_name", "modified"))
        zone = message.broadcast.organization.zone
        self.choices = [
            (str(one.pk), f"{formats.moment(one.modified, zone)}, {one.author_name or NOBODY}") for one in rows
        ]
        asked = data.get("with", "")
        if asked not in dict(self.choices):
            # The newest version is what the message says now, so it is compared with the one before.
            asked = str(rows[0].pk) if "with" not in data and rows and rows[0].pk < chosen.pk else ""
        self.chosen = asked
        self.other = message.versions.get(pk=asked) if asked else None
        self.language = data.get("language", "")


def content_now(message: Message) -> dict[str, Any]:
    """Return what a message says now, as a version would keep it."""
    return versioning.with_names(message, versioning.content_of(message))


def _shown_rows(rows: list[RowPair]) -> list[tuple[RowPair, SafeString, SafeString]]:
    return [(row, _marked(row.before, REMOVED), _marked(row.after, ADDED)) for row in rows]


def _marked(pieces: list[Piece], around: str) -> SafeString:
    """Write the words of a line, those that the other side lacks marked for eyes and for screen readers."""
    return format_html_join(
        "", "{}", ((format_html(around, one.text) if one.is_changed else one.text,) for one in pieces)
    )
