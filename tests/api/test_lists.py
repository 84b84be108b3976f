"""The manners of every list, shown on broadcasts."""

import pytest

from broadcasts.models import Broadcast, MessageTranslation, Segment
from tests.make import make_broadcast

from .conftest import URL


@pytest.fixture
def many(mail):
    return [make_broadcast(mail, subject=f"News {n:02}") for n in range(12)]


def names(answer):
    return [row["subject"] for row in answer.json()]


def test_a_list_is_a_bare_array_with_its_count_in_a_header(api, many):
    answer = api.get(URL)
    assert len(answer.json()) == 10
    assert answer["X-Result-Count"] == "12"
    assert names(answer)[0] == "News 11"


def test_links_lead_to_the_other_pages_and_keep_what_was_asked(api, many):
    answer = api.get(URL, {"page": 2, "page_size": 5, "subject": "News", "o": "subject,-created"})
    links = [part.partition(">; rel=") for part in answer["Link"].split(", <")]
    assert [rel for _, _, rel in links] == ['"first"', '"prev"', '"next"', '"last"']
    assert "," not in "".join(url for url, _, _ in links)
    assert all("page_size=5" in url and "o=subject%2C-created" in url for url, _, _ in links)


def test_there_is_no_prev_on_the_first_and_no_next_on_the_last_page(api, many):
    assert 'rel="prev"' not in api.get(URL)["Link"]
    assert 'rel="next"' not in api.get(URL, {"page": 2})["Link"]


def test_head_tells_the_count(api, many):
    answer = api.head(URL, {"subject": "News 0"})
    assert (answer.status_code, answer["X-Result-Count"]) == (200, "10")


def test_an_empty_list_is_an_empty_array(api):
    answer = api.get(URL)
    assert (answer.json(), answer["X-Result-Count"]) == ([], "0")


@pytest.mark.parametrize("page", ["3", "0", "-1", "x"])
def test_a_page_out_of_range_is_404(api, many, page):
    answer = api.get(URL, {"page": page})
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Invalid page."}


@pytest.mark.parametrize(("size", "rows"), [("0", 10), ("-3", 10), ("x", 10), ("12", 12), ("5000", 12)])
def test_a_bad_page_size_means_the_default(api, many, size, rows):
    assert len(api.get(URL, {"page_size": size}).json()) == rows


def test_a_page_has_300_rows_at_most(api, mail):
    Broadcast.objects.bulk_create(Broadcast(organization=mail.organization, name=f"{n}") for n in range(301))
    assert len(api.get(URL, {"page_size": 1000}).json()) == 300


def test_an_unknown_state_is_400(api):
    answer = api.get(URL, {"state": "GONE"})
    assert answer.status_code == 400
    assert answer.json() == {"state": ["Select a valid choice. GONE is not one of the available choices."]}


def test_the_subject_is_searched_whatever_its_case(api, many):
    assert names(api.get(URL, {"subject": "nEWS 03"})) == ["News 03"]


def test_orderings_are_repeated_or_separated_by_commas(api, mail):
    for subject in ("b", "a", "b"):
        make_broadcast(mail, subject=subject)
    ids = list(Broadcast.objects.order_by("pk").values_list("pk", flat=True))
    for asked in (["subject", "-created"], ["subject,-created"]):
        assert [row["id"] for row in api.get(URL, {"o": asked}).json()] == [ids[1], ids[2], ids[0]]


def test_authors_are_ordered_by_name(api, mail, author, sender):
    for user in (sender.user, author.user, None):
        make_broadcast(mail, author=user)
    shown = [row["author_full_name"] for row in api.get(URL, {"o": "author_full_name"}).json()]
    assert shown == [None, author.user.full_name, sender.user.full_name]


def test_an_unknown_ordering_is_400(api):
    answer = api.get(URL, {"o": ["subject", "colour"]})
    assert answer.status_code == 400
    assert list(answer.json()) == ["o"]


def test_fields_are_picked_and_unknown_ones_ignored(api, many):
    assert list(api.get(URL, {"field": ["state", "subject", "nothing"]}).json()[0]) == ["subject", "state"]
    assert "uuid" in api.get(URL, {"field": "nothing"}).json()[0]
    assert list(api.get(f"{URL}{many[0].uuid}/", {"field": "emails"}).json()) == ["emails"]


def test_picking_fields_does_not_affect_what_is_written(api):
    answer = api.post(f"{URL}?field=uuid", {"subject": "s", "body": "b", "query": {}})
    assert list(answer.json()) == ["uuid"]
    assert MessageTranslation.objects.get().subject == "s"


def test_a_list_takes_the_same_queries_whatever_its_length(api, mail, django_assert_max_num_queries):
    segment = Segment.objects.create(organization=mail.organization, name="Members", kind="static")
    for n in range(10):
        broadcast = make_broadcast(mail, subject=f"News {n}", status=["DRAFT", "SENT"][n % 2])
        broadcast.segments.add(segment)
    with django_assert_max_num_queries(14):
        assert len(api.get(URL).json()) == 10


def test_unasked_fields_are_not_worked_for(api, many, django_assert_max_num_queries):
    api.get(URL)
    with django_assert_max_num_queries(4):  # the token, the member, the count, the page
        api.get(URL, {"field": ["uuid", "state"]})
