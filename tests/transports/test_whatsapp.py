"""WhatsApp: what is sent for each part of a message, and what each answer means."""

import pytest

from broadcasts.transports import Envelope, File, ProviderTemplate, Receipt, TransportError
from broadcasts.transports.whatsapp import WhatsApp
from broadcasts.transports.whatsapp.errors import MEANINGS
from tests.cloud_api import CloudApi, accepted, error, template
from tests.http_server import answer, break_off, drop
from tests.smtp import refusing_port

from .contract import TransportContract
from .test_http import flags


@pytest.fixture
def cloud():
    with CloudApi() as cloud:
        yield cloud


@pytest.fixture
def whatsapp(cloud):
    with WhatsApp(cloud.settings) as whatsapp:
        yield whatsapp


def envelope(n=1, **fields):
    return Envelope(f"key{n}", f"3460000000{n}", **{"text": "Pool closed", **fields})


def failure(whatsapp):
    with pytest.raises(TransportError) as caught:
        whatsapp.deliver(envelope())
    return caught.value


def with_template(**parameters):
    return envelope(text="", template=ProviderTemplate("order_update", "en_US", parameters))


def sent(whatsapp, cloud, one):
    """What the provider was asked to send for an envelope."""
    assert isinstance(whatsapp.deliver(one), Receipt)
    return cloud.bodies[-1]


def components(whatsapp, cloud, **parameters):
    return sent(whatsapp, cloud, with_template(**parameters))["template"]["components"]


def euros(**changes):
    return {"currency": {"fallback_value": "€ 20", "code": "EUR", "amount_1000": 20_000, **changes}}


class TestWhatsApp(TransportContract):
    @pytest.fixture(autouse=True)
    def _provider(self, cloud):
        self.cloud = cloud
        with refusing_port() as self.port:
            yield

    def make_transport(self):
        return WhatsApp(self.cloud.settings)

    def make_broken_transport(self):
        return WhatsApp({**self.cloud.settings, "api_url": f"http://127.0.0.1:{self.port}/v23.0"})

    def envelope(self, n=1):
        return envelope(n)


# Sending


def test_a_text_is_sent_to_the_digits_of_a_number_with_our_token(whatsapp, cloud):
    assert sent(whatsapp, cloud, Envelope("key1", "+34600111222", text="Pool closed")) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "34600111222",
        "type": "text",
        "text": {"body": "Pool closed"},
        "biz_opaque_callback_data": "key1",
    }


def test_a_person_without_a_number_is_sent_to_by_the_id_of_the_business(whatsapp, cloud):
    body = sent(whatsapp, cloud, Envelope("key1", "US.13491208655302741918", text="Hi"))
    assert (body["recipient"], "to" in body) == ("US.13491208655302741918", False)


def test_a_template_is_named_with_its_language_as_the_provider_writes_it(whatsapp, cloud):
    body = sent(whatsapp, cloud, with_template())
    assert (body["type"], body["template"]) == (
        "template",
        {"name": "order_update", "language": {"code": "en_US"}},
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"header": {"text": "A"}}, {"type": "text", "text": "A"}),
        ({"header": {"text": {"who": "A"}}}, {"type": "text", "parameter_name": "who", "text": "A"}),
        (
            {"header": {"image": {"link": "https://x.example/a.png"}}},
            {"type": "image", "image": {"link": "https://x.example/a.png"}},
        ),
        (
            {"header": {"document": {"link": "https://x.example/a", "filename": "Menu.pdf"}}},
            {"type": "document", "document": {"link": "https://x.example/a", "filename": "Menu.pdf"}},
        ),
        (
            {"location": {"latitude": 1.5, "longitude": "2", "name": "N", "address": "A"}},
            {"type": "location", "location": {"latitude": "1.5", "longitude": "2", "name": "N", "address": "A"}},
        ),
    ],
)
def test_each_kind_of_header(whatsapp, cloud, parameters, expected):
    assert components(whatsapp, cloud, **parameters) == [{"type": "header", "parameters": [expected]}]


def test_body_texts_are_by_place_or_by_name_and_on_one_line(whatsapp, cloud):
    [by_place] = components(whatsapp, cloud, body=["Alex\n\tSmith", 12])
    assert by_place == {
        "type": "body",
        "parameters": [{"type": "text", "text": "Alex Smith"}, {"type": "text", "text": "12"}],
    }
    [by_name] = components(whatsapp, cloud, body={"customer": "Alex"})
    assert by_name["parameters"] == [{"type": "text", "parameter_name": "customer", "text": "Alex"}]


def test_an_amount_and_a_moment_in_the_body_are_sent_as_such_by_place_or_by_name(whatsapp, cloud):
    amount = {"currency": {"fallback_value": "€ 19.99", "code": "EUR", "amount_1000": "19990.0"}}
    day = {"type": "date_time", "date_time": {"fallback_value": "Monday,\n6 pm"}}
    sent = {"type": "currency", "currency": {"fallback_value": "€ 19.99", "code": "EUR", "amount_1000": 19990}}
    [by_place] = components(whatsapp, cloud, body=["Alex", amount, day])
    shown = {"type": "date_time", "date_time": {"fallback_value": "Monday, 6 pm"}}
    assert by_place["parameters"] == [{"type": "text", "text": "Alex"}, sent, shown]
    [by_name] = components(whatsapp, cloud, body={"price": amount})
    assert by_name["parameters"] == [{**sent, "parameter_name": "price"}]


@pytest.mark.parametrize(
    ("parameters", "kind", "index", "expected"),
    [
        ({"buttons": [{"url": "A12"}]}, "url", "0", {"type": "text", "text": "A12"}),
        (
            {"buttons": [{"index": 1, "payload": "yes"}]},
            "quick_reply",
            "1",
            {"type": "payload", "payload": "yes"},
        ),
        (
            {"buttons": [{"index": 2, "code": "SAVE"}]},
            "copy_code",
            "2",
            {"type": "coupon_code", "coupon_code": "SAVE"},
        ),
        (
            {"flow": {"index": 3, "token": "t", "data": '{"k": "v"}'}},
            "flow",
            "3",
            {"type": "action", "action": {"flow_token": "t", "flow_action_data": {"k": "v"}}},
        ),
    ],
)
def test_each_kind_of_button(whatsapp, cloud, parameters, kind, index, expected):
    [button] = components(whatsapp, cloud, **parameters)
    assert button == {"type": "button", "sub_type": kind, "index": index, "parameters": [expected]}


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"body": ["A", "  "]}, "parameters[body][1] is empty"),
        ({"body": [euros(amount_1000="19.99")]}, "[body][0][currency][amount_1000] is “19.99” for this person"),
        ({"body": [euros(amount_1000="")]}, "[body][0][currency][amount_1000] is “”"),
        ({"body": {"price": euros(code="euros")}}, "[body][price][currency][code] is “euros”"),
        ({"body": [euros(fallback_value=" ")]}, "[body][0][currency][fallback_value] is empty"),
        ({"buttons": [{"url": ""}]}, "[buttons][0][url]"),
        ({"header": {"image": {"link": "no"}}}, "[header][image][link]"),
        ({"location": {"latitude": "north", "longitude": 1}}, "[location][latitude]"),
        ({"flow": {"data": "{"}}, "[flow][data]"),
    ],
)
def test_a_value_that_is_empty_or_wrong_for_one_person_fails_that_copy_alone(whatsapp, cloud, parameters, name):
    with pytest.raises(TransportError) as caught:
        whatsapp.deliver(with_template(**parameters))
    assert (flags(caught.value), cloud.received) == ({"permanent"}, [])
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("image/png", {"image": {"link": "https://us.example/f/1/", "caption": "Pool closed"}}),
        (
            "application/pdf",
            {"document": {"link": "https://us.example/f/1/", "filename": "a", "caption": "Pool closed"}},
        ),
    ],
)
def test_a_file_without_a_template_has_the_text_for_its_caption(whatsapp, cloud, content_type, expected):
    file = File("a", content_type, 1, lambda: b"", "https://us.example/f/1/")
    body = sent(whatsapp, cloud, envelope(media=[file]))
    assert {name: body[name] for name in expected} == expected


def test_quick_replies_are_buttons_below_the_text(whatsapp, cloud):
    body = sent(whatsapp, cloud, envelope(quick_replies=["Yes", {"text": "No"}]))
    buttons = body["interactive"]["action"]["buttons"]
    assert [button["reply"]["title"] for button in buttons] == ["Yes", "No"]
    assert body["interactive"]["body"] == {"text": "Pool closed"}


def test_a_text_that_is_too_long_is_not_sent(whatsapp, cloud):
    with pytest.raises(TransportError, match=r"has 4,097 characters; WhatsApp takes 4,096"):
        whatsapp.deliver(envelope(text="x" * 4097))
    assert cloud.received == []


# Answers


def test_a_receipt_has_the_id_by_which_callbacks_name_the_copy(whatsapp, cloud):
    assert whatsapp.deliver(envelope()).provider_id == "wamid.34600000001"


def test_a_copy_that_is_held_for_quality_is_accepted_and_says_so(whatsapp, cloud):
    cloud.does(lambda handler: accepted(handler, "held_for_quality_assessment"))
    assert "Held by WhatsApp" in whatsapp.deliver(envelope()).detail


def test_a_copy_whose_template_is_paused_stops_the_broadcast(whatsapp, cloud):
    cloud.does(lambda handler: accepted(handler, "paused"))
    told = failure(whatsapp)
    assert flags(told) == {"permanent", "account"}
    assert told.content
    assert "paused the template" in str(told)


ACCOUNT = {"permanent", "account"}
CODES = [
    *((code, {"permanent", "account"}, False) for code in (0, 3, 10, 190, 200, 299, 368, 131031, 131042, 133010)),
    *((code, {"permanent", "account"}, True) for code in (100, 132000, 132001, 132007, 132012, 132015, 132016)),
    *((code, {"account"}, False) for code in (2, 4, 80007, 130429, 131016, 131048)),
    *((code, set(), False) for code in (1, 131000, 131049, 131056)),
    *((code, {"permanent"}, False) for code in (130472, 131021, 131026, 131047, 131050, 130497)),
]


@pytest.mark.parametrize(("code", "meaning", "content"), CODES)
def test_each_code_has_its_meaning_whatever_the_status(whatsapp, cloud, code, meaning, content):
    cloud.does(error(code, 500))
    told = failure(whatsapp)
    assert (flags(told), told.content, told.code) == (meaning, content, str(code))
    assert "inside" not in str(told)


@pytest.mark.parametrize(("code", "least"), [(131049, 86_400), (131056, 4), (131048, 60)])
def test_some_codes_ask_for_a_wait(whatsapp, cloud, code, least):
    cloud.does(error(code))
    assert failure(whatsapp).retry_after >= least


def test_a_longer_wait_of_the_server_counts(whatsapp, cloud):
    cloud.does(error(131056, Retry_After="600"))
    assert failure(whatsapp).retry_after == 600


def test_who_stopped_marketing_is_told_apart(whatsapp, cloud):
    cloud.does(error(131050))
    assert failure(whatsapp).withdrawn


def test_details_say_which_parameter_is_wrong(whatsapp, cloud):
    cloud.does(error(132000, details="body: number of localizable_params (1) does not match\n(2)"))
    assert str(failure(whatsapp)).endswith("WhatsApp says: body: number of localizable_params (1) does not match (2)")


def test_an_unknown_phone_number_id_is_a_fault_of_the_channel(whatsapp, cloud):
    cloud.does(answer(400, {"error": {"code": 100, "error_subcode": 33}}))
    assert "phone number id" in str(failure(whatsapp))


@pytest.mark.parametrize(
    ("act", "meaning"),
    [
        (answer(400, b"<html>"), {"permanent"}),
        (error(999999), {"permanent"}),
        (answer(429), {"account"}),
        (answer(503), {"account"}),
        (answer(502), {"handed_over"}),
        (answer(200, {"messages": []}), {"handed_over"}),
        (break_off, {"handed_over"}),
        (drop, {"handed_over"}),
    ],
)
def test_without_a_code_that_is_known_the_status_counts(whatsapp, cloud, act, meaning):
    cloud.does(act)
    assert flags(failure(whatsapp)) == meaning


def test_every_meaning_is_a_sentence():
    assert all(one.words[0].isupper() and one.words.endswith(".") for one in MEANINGS.values())


def test_the_check_of_a_channel_notices_a_wrong_token(cloud):
    with pytest.raises(TransportError, match="access token is wrong, has expired") as caught:
        WhatsApp({**cloud.settings, "access_token": "old"}).check()
    assert flags(caught.value) == ACCOUNT


# Templates


def listed(whatsapp, cloud, *told):
    cloud.templates.extend(told)
    return list(whatsapp.templates())


def test_all_pages_are_read_by_our_own_address(whatsapp, cloud):
    found = listed(whatsapp, cloud, *(template(f"t{n}") for n in range(120)))
    assert [one.name for one in found] == [f"t{n}" for n in range(120)]


def test_a_template_is_read_with_its_header_texts_and_buttons(whatsapp, cloud):
    [found] = listed(
        whatsapp,
        cloud,
        template(
            "offer",
            "pt_BR",
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{name}}, {{day}}"},
            {"type": "FOOTER", "text": "Reply STOP"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "See", "url": "https://x.example/{{1}}"}]},
            parameter_format="NAMED",
            quality_score={"score": "GREEN"},
        ),
    )
    assert (found.language, found.status, found.category, found.quality) == ("pt_BR", "APPROVED", "MARKETING", "GREEN")
    assert found.structure == {
        "header": {"kind": "image", "text": "", "parameters": []},
        "body": {"text": "Hi {{name}}, {{day}}", "parameters": ["name", "day"]},
        "footer": "Reply STOP",
        "buttons": [{"kind": "url", "text": "See", "url": "https://x.example/{{1}}", "parameters": ["1"]}],
        "named": True,
    }


def test_a_list_that_cannot_be_understood_is_an_error(whatsapp, cloud):
    cloud.templates.append({"name": "no id"})
    with pytest.raises(TransportError, match="could not be understood"):
        list(whatsapp.templates())
