"""`/api/contacts/{uuid}/explain/`: why did, or didn't, this person get it?"""

import pytest

from broadcasts.models import Broadcast
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import client_of


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe", attributes={"plan": "free"})


@pytest.fixture
def ask(api, joe):
    def get(broadcast, client=api, contact=joe):
        return client.get(
            f"/api/contacts/{contact.uuid}/explain/", {"broadcast": getattr(broadcast, "uuid", broadcast)}
        )

    return get


def test_the_answer_is_a_sentence_with_what_it_is_drawn_from(ask, joe, mail):
    broadcast = make_broadcast(mail, status="SENT")
    delivery = make_delivery(broadcast, joe, status="skipped", reason="no_consent", sent_at=None)
    told = ask(broadcast).json()
    assert told["contact"] == {"uuid": str(joe.uuid), "name": "Joe"}
    assert told["broadcast"] == {"uuid": str(broadcast.uuid), "name": "Pool closed"}
    assert (told["verdict"], told["reason"], told["rule"], told["parts"]) == ("skipped", "no_consent", None, [])
    assert told["sentence"].startswith("Not sent: did not consent.")
    assert [row["address"] for row in told["deliveries"]] == [delivery.address]


def test_somebody_left_out_is_told_the_rule(ask, mail):
    told = ask(
        make_broadcast(mail, send_to_all=False, query={"all": [{"attributes__plan": "pro"}, {"language": ""}]})
    ).json()
    assert (told["verdict"], told["reason"], told["deliveries"]) == ("not_matched", None, [])
    assert told["rule"] == "query.all[0]: plan must be “pro”; it is “free”"
    assert told["parts"] == [
        {"depth": 0, "path": "query.all", "condition": "all of these", "actual": None, "holds": False},
        {
            "depth": 1,
            "path": "query.all[0]",
            "condition": "plan must be “pro”",
            "actual": "it is “free”",
            "holds": False,
        },
        {
            "depth": 1,
            "path": "query.all[1]",
            "condition": "language must be blank",
            "actual": "it is not known",
            "holds": True,
        },
    ]


@pytest.mark.parametrize("asked", ["", "malformed", "0190c7a2-0000-7000-8000-000000000000"])
def test_the_broadcast_must_be_named(ask, asked):
    answer = ask(asked)
    assert (answer.status_code, list(answer.json())) == (400, ["broadcast"])


def test_without_a_broadcast_it_is_400(api, joe):
    answer = api.get(f"/api/contacts/{joe.uuid}/explain/")
    assert (answer.status_code, list(answer.json())) == (400, ["broadcast"])


def test_nothing_is_told_of_other_organizations(ask, mail, elsewhere, outsider):
    theirs = Broadcast.objects.create(organization=elsewhere, name="Theirs")
    assert ask(theirs).status_code == 400
    assert ask(theirs, outsider).status_code == 404
    assert ask(make_broadcast(mail), outsider, make_contact(elsewhere)).status_code == 400


def test_whoever_may_read_may_ask(ask, mail, viewer, client):
    broadcast = make_broadcast(mail)
    assert ask(broadcast, client_of(viewer)).status_code == 200
    assert ask(broadcast, client_of(viewer, scopes=["write"])).status_code == 403
    assert ask(broadcast, client).status_code == 401


def test_a_page_of_the_log_takes_few_queries(ask, mail, joe, django_assert_max_num_queries):
    broadcast = make_broadcast(mail, status="SENT")
    make_delivery(broadcast, joe)
    with django_assert_max_num_queries(10):
        assert ask(broadcast).json()["verdict"] == "sent"
    with django_assert_max_num_queries(20):
        assert ask(make_broadcast(mail)).json()["verdict"] == "would_receive"
