"""Action buttons beside a form: they save the form first, since actions use the stored row."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse

THEN = "_then"


class SavingFirst(admin.ModelAdmin):
    """An admin whose form has buttons named THEN: they save the row, then redirect to the page of their action.

    An invalid form is shown again, without the action. An unchanged form is not saved.
    """

    def steps(self, request: HttpRequest, obj: Any) -> dict[str, Callable[[], HttpResponse]]:
        """Return {value of a button: function that returns its response}."""
        return {}

    def step(self, request: HttpRequest, obj: Any) -> Callable[[], HttpResponse] | None:
        """Return the function of the pressed button; None for any other button."""
        return self.steps(request, obj).get(request.POST[THEN]) if THEN in request.POST else None

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        row = self.get_object(request, unquote(object_id)) if object_id and THEN in request.POST else None
        is_same = row is not None and self.has_change_permission(request, row) and not self.is_edited(request, row)
        if is_same and (step := self.step(request, row)):
            return step()
        return super().changeform_view(request, object_id, *args, **kwargs)

    def is_edited(self, request: HttpRequest, row: Any) -> bool:
        """Tell whether the posted form differs from the stored row."""
        form = self.get_form(request, row, change=True)(request.POST, request.FILES, instance=row)
        formsets, _ = self._create_formsets(request, form.instance, change=True)  # type: ignore[attr-defined]
        return form.has_changed() or any(formset.has_changed() for formset in formsets)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if step := self.step(request, obj):
            self.message_user(request, f"“{obj}” is saved.", messages.SUCCESS)
            return step()
        return super().response_change(request, obj)
