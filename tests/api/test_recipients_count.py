"""How many would receive it is not counted again for each page, where counting takes long."""

import pytest

from broadcasts.api import counting

from ..make import make_contacts

URL = "/api/broadcast-messages/recipients/?all_users=true"


@pytest.fixture
def people(club):
    return make_contacts(club, 3)


def test_a_count_that_is_quick_is_always_fresh(club, api, people):
    assert api.get(URL).headers["X-Result-Count"] == "3"
    make_contacts(club, 1)
    assert api.get(URL).headers["X-Result-Count"] == "4"


def test_a_count_that_took_long_is_kept_for_a_while_for_the_same_audience(club, api, people, monkeypatch):
    monkeypatch.setattr(counting, "SLOW_SECONDS", -1)
    assert api.get(URL).headers["X-Result-Count"] == "3"
    make_contacts(club, 1)
    assert api.get(f"{URL}&page=1&page_size=2").headers["X-Result-Count"] == "3"
    assert api.get(URL.replace("all_users=true", "status=active")).headers["X-Result-Count"] == "4"
    club.consent_required, club.default_use_case = True, "marketing"
    club.save()
    assert api.get(URL).headers["X-Result-Count"] == "0"
