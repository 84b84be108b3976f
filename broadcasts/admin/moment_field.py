"""A form field for moments, as a day and a clock time."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.utils import timezone

from broadcasts.clocks import TOO_FAR, is_near, local_moment


class MomentFormField(forms.SplitDateTimeField):
    """A moment in the current time zone; at clock changes it follows the rules of `clocks` instead of being invalid."""

    widget = AdminSplitDateTime

    def compress(self, data_list: Any) -> datetime | None:
        match data_list:
            case [date() as day, time() as clock]:
                if not is_near(day):
                    raise ValidationError(TOO_FAR)
                zone = timezone.get_current_timezone()
                return local_moment(day, clock, zone if isinstance(zone, ZoneInfo) else ZoneInfo("UTC"))
        return super().compress(data_list)
