"""The base of admins of drafts: `drafting` saves them, and its errors are shown at their fields."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from broadcasts.exceptions import InvalidInput

from .base import OrganizationAdmin, OrganizationForm

REFUSED = "refused_draft"  # the name of a request's attribute


class DraftForm(OrganizationForm):
    """A form that shows what the draft as a whole was refused for; its own checks come first."""

    refused: ClassVar[Mapping[str, str]] = {}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name, text in self.refused.items():
            if name not in self.errors:
                self.add_error(name if name in self.fields else None, text)
        return cleaned


class DraftAdmin(OrganizationAdmin):
    """The admin of what `drafting.save` writes."""

    form = DraftForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except InvalidInput as error:  # its transaction is rolled back; the page is shown again with the errors
            setattr(request, REFUSED, error.errors)
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)  # a class of its own for each request
        form.refused = getattr(request, REFUSED, {})
        return form

    def audit(self, request: HttpRequest, obj: Any, act: str, **detail: object) -> None:
        """Write nothing: `drafting` writes the audit log."""
