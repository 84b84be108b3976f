from django.db import models
from django.db.models.functions import Lower

from broadcasts.mediums import Medium

from .base import Base
from .channels import Channel
from .fields import VocabularyField
from .layouts import Layout
from .organizations import Organization


class Syntax(models.TextChoices):
    LIQUID = "liquid", "Liquid"
    EXPRESSIONS = "expressions", "Expressions"
    PLAIN = "plain", "Plain text"


class Format(models.TextChoices):
    """What the words of one language are written as; whatever it is, `html` and `text` are what is sent."""

    HTML = "html", "HTML"
    TEXT = "text", "Text only"
    BLOCKS = "blocks", "Blocks"
    MARKDOWN = "markdown", "Markdown"
    MJML = "mjml", "MJML"


class Content(models.Model):
    """The content in one language; the abstract base for templates and messages.

    `designing` makes `html` from `blocks` (format blocks) or `source` (Markdown, MJML, or HTML within a layout).
    """

    language = models.CharField(max_length=35)
    tag = models.CharField(max_length=35, blank=True, help_text="The language as it was given.")
    position = models.PositiveSmallIntegerField(default=0)
    subject = models.CharField(max_length=1000, blank=True)
    preheader = models.CharField(max_length=255, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField("HTML", blank=True)
    format = VocabularyField(max_length=12, choices=Format, default=Format.HTML)
    source = models.TextField(blank=True, help_text="What the HTML is made from: Markdown, MJML, or the inner HTML.")
    blocks = models.JSONField(default=list, blank=True)
    slots = models.JSONField(default=dict, blank=True, help_text="The words of each slot of the design, by its name.")
    attachments = models.JSONField(default=list, blank=True)
    quick_replies = models.JSONField(default=list, blank=True)
    parameters = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    DESIGN = ("format", "source", "blocks", "slots")  # what the HTML is made from
    CONTENT = ("subject", "preheader", "text", "html", *DESIGN, "attachments", "quick_replies", "parameters")

    @property
    def is_blank(self) -> bool:
        """Whether it has no text, no HTML and no attachments."""
        return not (self.text.strip() or self.html.strip() or self.attachments)

    @property
    def is_designed(self) -> bool:
        """Whether its HTML is made from something else, so that it cannot be written itself."""
        return self.format != Format.HTML or bool(self.source)

    def content(self) -> dict:
        return {name: getattr(self, name) for name in self.CONTENT}


class Template(Base):
    """Reusable content.

    With a channel it is one that the channel's provider stores, as `syncing` read it: its texts cannot be written here.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="templates")
    name = models.CharField(max_length=255)
    medium = VocabularyField(max_length=10, choices=Medium, default=Medium.EMAIL)
    channel = models.ForeignKey(
        Channel, models.CASCADE, null=True, blank=True, help_text="Where the provider keeps the template."
    )
    syntax = VocabularyField(max_length=12, choices=Syntax, default=Syntax.LIQUID)
    layout = models.ForeignKey(Layout, models.SET_NULL, null=True, blank=True, related_name="templates")
    is_fixed = models.BooleanField(
        "fixed design", default=False, help_text="Messages made from it may change the words in its slots only."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="template_name_ci",
                condition=models.Q(channel=None),
                violation_error_message="There is a template of this name already.",
            ),
            # Providers tell names apart that differ in case only, and two channels may have templates of one name.
            models.UniqueConstraint(
                fields=["channel", "name"],
                name="template_name_at_provider",
                condition=models.Q(channel__isnull=False),
                violation_error_message="The channel has a template of this name already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def usable(self) -> list["TemplateTranslation"]:
        """Return the languages that a message may take: of a provider's template those that can be sent."""
        return [one for one in self.translations.all() if self.channel_id is None or not one.why_not]


class TemplateTranslation(Content, Base):
    organization_path = "template__organization"

    template = models.ForeignKey(Template, models.CASCADE, related_name="translations", db_index=False)
    # Of a template that a provider stores, in the provider's words:
    provider_id = models.CharField(max_length=64, blank=True, editable=False)
    status = models.CharField(max_length=20, blank=True, editable=False)
    category = models.CharField(max_length=20, blank=True, editable=False)
    quality = models.CharField(max_length=20, blank=True, editable=False)
    status_reason = models.CharField(max_length=255, blank=True, editable=False)
    structure = models.JSONField(default=dict, editable=False)  # its texts and parameters, for the transport
    removed_at = models.DateTimeField(null=True, editable=False)  # when the provider was seen not to have it any more

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["template", "language"], name="template_language")]

    def __str__(self) -> str:
        return f"{self.template} ({self.language})"

    APPROVED = "APPROVED"
    STOPPED = ("PAUSED", "DISABLED")  # while it is so, a broadcast that uses it cannot go on

    @property
    def why_not(self) -> str:
        """Return why a provider's template cannot be sent in this language; "" if it can."""
        if self.removed_at:
            return "The provider does not have it any more; sync the templates or choose another."
        if self.provider_id and self.status != self.APPROVED:  # of one that no sync has read, nobody knows
            reason = f" ({self.status_reason})" if self.status_reason else ""
            return f"It is not approved: its status is {self.status}{reason}."
        return ""
