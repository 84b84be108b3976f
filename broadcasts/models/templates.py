from django.db import models
from django.db.models.functions import Lower

from broadcasts.mediums import Medium

from .base import Base
from .channels import Channel
from .fields import VocabularyField
from .organizations import Organization


class Syntax(models.TextChoices):
    LIQUID = "liquid", "Liquid"
    EXPRESSIONS = "expressions", "Expressions"
    PLAIN = "plain", "Plain text"


class Content(models.Model):
    """The content in one language; the abstract base for templates and messages."""

    language = models.CharField(max_length=35)
    tag = models.CharField(max_length=35, blank=True, help_text="The language as it was given.")
    position = models.PositiveSmallIntegerField(default=0)
    subject = models.CharField(max_length=1000, blank=True)
    preheader = models.CharField(max_length=255, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField("HTML", blank=True)
    attachments = models.JSONField(default=list, blank=True)
    quick_replies = models.JSONField(default=list, blank=True)
    parameters = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    CONTENT = ("subject", "preheader", "text", "html", "attachments", "quick_replies", "parameters")

    @property
    def is_blank(self) -> bool:
        """Whether it has no text, no HTML and no attachments."""
        return not (self.text.strip() or self.html.strip() or self.attachments)

    def content(self) -> dict:
        return {name: getattr(self, name) for name in self.CONTENT}


class Template(Base):
    """Reusable content."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="templates")
    name = models.CharField(max_length=255)
    medium = VocabularyField(max_length=10, choices=Medium, default=Medium.EMAIL)
    channel = models.ForeignKey(
        Channel, models.PROTECT, null=True, blank=True, help_text="Where the provider keeps the template."
    )
    syntax = VocabularyField(max_length=12, choices=Syntax, default=Syntax.LIQUID)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="template_name_ci",
                violation_error_message="There is a template of this name already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateTranslation(Content, Base):
    organization_path = "template__organization"

    template = models.ForeignKey(Template, models.CASCADE, related_name="translations", db_index=False)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["template", "language"], name="template_language")]

    def __str__(self) -> str:
        return f"{self.template} ({self.language})"
