"""One broadcast, made through each API, is the same in all others and in the admin."""

import json
from collections.abc import Callable

import pytest
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import Broadcast, Channel, Delivery
from tests.admin.conftest import address, sign_in
from tests.make import make_contact, make_token
from tests.recorder import Recorder

from .conftest import InDialect, finish

OFFER = {"name": "offer", "language": "en_US"}
FILLED = {
    "template": OFFER,
    "headerMediaUrl": "https://x.example/pool.png",
    "bodyTextParameters": ["{{ contact.name }}", "Monday"],
    "buttonUrlParameters": ["pool"],
}


@pytest.fixture
def people(club, make_segment, channel, mail, monkeypatch) -> dict[str, str]:
    """Three contacts in a segment; the mails reach everybody but one, who is refused."""
    club.default_subject = "News"
    club.save()
    server, usual = Recorder(), Channel.transport
    monkeypatch.setattr(Channel, "transport", lambda self: server if self.kind == "email" else usual(self))
    segment = make_segment("Members", kind="static", rules={})
    for n, name in enumerate(("Ada", "Bo", "Cy")):
        found = make_contact(club, f"{name}@example.com", full_name=name, whatsapp_id=f"25078812312{n}", language="en")
        segment.members.create(contact=found)
    return {"id": str(segment.uuid)}


@pytest.fixture
def asked(admin) -> Callable[..., InDialect]:
    return lambda name="": InDialect(name, make_token(admin))


def by_native(asked, people) -> str:
    given = {"query": {"segment": people["id"]}, "subject": "May", "body": "Hello"}
    made = asked().post("/api/broadcast-messages/", given).json()
    assert asked().post(f"/api/broadcast-messages/{made['uuid']}/send/").status_code == 200
    return made["uuid"]


def by_invent(asked, people) -> str:
    invent = asked("invent")
    made = invent.post("/orgs/c/broadcasts", {"name": "May", "segment_ids": [people["id"]]}).json()
    url = f"/orgs/c/broadcasts/{made['id']}"
    invent.post(f"{url}/templates", {"config": {"subject": "May", "text": "Hello"}})
    assert invent.post(f"{url}/send").status_code == 200
    return made["id"]


def by_teamup(asked, people) -> str:
    given = {"query": {}, "query_type": "customer"}
    message = {"message": "Hello", "use_case": "general", "target_recipients": given}
    made = asked("teamup").post("/api/v2/communication/broadcast_messages", message).json()
    assert asked("teamup").post(f"/api/v2/communication/broadcast_messages/{made['id']}/send").status_code == 200
    return str(Broadcast.objects.get(pk=made["id"]).uuid)


def by_whautomate(asked, people) -> str:
    at = timezone.now().isoformat()
    given = {"name": "May", "type": "client", "segments": [people], "scheduleDateTime": at, **FILLED}
    return asked("whautomate").post("/v1/broadcasts", given).json()["id"]


def by_rapidpro(asked, people) -> str:
    return asked("rapidpro").post("/api/v2/broadcasts.json", {"text": "Hello", "groups": ["members"]}).json()["uuid"]


def numbers_of(asked, admin, broadcast: Broadcast) -> dict[str, tuple[int, int]]:
    """Return (people, copies that were sent) as each API and the admin tell them."""
    uuid = broadcast.uuid
    native = asked().get(f"/api/broadcast-messages/{uuid}/").json()["counts"]
    invent = asked("invent").get(f"/orgs/c/broadcasts/{uuid}").json()
    teamup = asked("teamup").get(f"/api/v2/communication/broadcast_messages/{broadcast.pk}").json()
    whautomate = asked("whautomate").get(f"/v1/broadcasts/{uuid}").json()["processedStats"]
    rapidpro = asked("rapidpro").get(f"/api/v2/broadcasts.json?uuid={uuid}").json()["results"][0]
    wired = asked("rapidpro").get(f"/api/v2/messages.json?broadcast={uuid}").json()["results"]
    strip = sign_in(admin.user).get(address(broadcast, "progress")).json()
    on_strip = {one["name"]: one["value"] for one in strip["numbers"]}
    return {
        "native": (native["recipients"], native["sent"]),
        "invent": (invent["recipients_count"], invent["sent_count"]),
        "teamup": (json.loads(teamup["recipient_counts"])["recipients"], native["sent"]),
        "whautomate": (whautomate["totalCount"], whautomate["successCount"]),
        "rapidpro": (rapidpro["progress"]["total"], len([one for one in wired if one["status"] == "wired"])),
        "admin": (strip["recipients"], on_strip["sent"]),
    }


@pytest.mark.parametrize("make", [by_native, by_invent, by_teamup, by_whautomate, by_rapidpro])
def test_a_broadcast_made_through_one_api_has_the_same_numbers_in_all(make, asked, admin, people):
    broadcast = Broadcast.objects.get(uuid=make(asked, people))
    finish()
    sending.tick()
    told = numbers_of(asked, admin, broadcast)
    assert Delivery.objects.filter(status="sent").count() == 3
    assert set(told.values()) == {(3, 3)}, told
