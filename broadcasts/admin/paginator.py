"""Pages of tables too large to count."""

from functools import cached_property
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage, Page, Paginator
from django.db import DataError
from django.http import HttpRequest

# What the database or its driver says of a value of a parameter that it cannot compare with, such as the year -1.
NO_VALUES = (ValueError, OverflowError, DataError)


class CappedPaginator(Paginator):
    """Read the ids of the first rows only, and each page by its ids.

    One query gives both the count and the pages, and reads up to `cap` rows: beyond that the list shows "more than"
    and asks for a narrower search.
    """

    cap = 10_000
    object_list: Any

    @cached_property
    def ids(self) -> list[int]:
        return list(self.object_list.values_list("pk", flat=True)[: self.cap + 1])

    @cached_property
    def count(self) -> int:
        return min(len(self.ids), self.cap)

    @property
    def is_capped(self) -> bool:
        return len(self.ids) > self.cap

    def page(self, number: int | str) -> Page:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        wanted = self.ids[first : min(first + self.per_page, self.cap)]
        found = {row.pk: row for row in self.object_list.filter(pk__in=wanted)} if wanted else {}
        return Page([found[pk] for pk in wanted if pk in found], number, self)


class PagedList(ChangeList):
    """Takes every page from its paginator, also when there is only one, so that rows are searched for once."""

    def get_results(self, request: HttpRequest) -> None:
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        try:
            self.result_list = paginator.page(self.page_num).object_list
        except (InvalidPage, *NO_VALUES):
            raise IncorrectLookupParameters from None
        self.paginator = paginator
        self.result_count = paginator.count
        self.full_result_count = None
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = self.result_count > self.list_per_page
