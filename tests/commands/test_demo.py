"""The newcomer's main job, with everything real but its size."""

import sqlite3
from contextlib import closing
from ipaddress import ip_network
from types import SimpleNamespace

import pytest

from broadcasts import drafting
from broadcasts.catcher import Catcher
from broadcasts.designing import gallery
from broadcasts.importing import import_contacts
from broadcasts.management import demo_channels, demo_club, demo_newsletter, serving
from broadcasts.management.commands.demo import DemoRun
from broadcasts.models import Broadcast


def demo(installation, *options: str) -> str:
    ports = [str(serving.free_port("127.0.0.1", port)) for port in (18000, 11025, 18025)]
    names = ("--port", "--smtp-port", "--http-port")
    where = [word for pair in zip(names, ports, strict=True) for word in pair]
    return installation.run("demo", "--once", "--contacts", "60", *where, *options)


@pytest.mark.story
def test_the_demo_sends_to_each_person_once_keeps_its_data_and_leaves_no_process(installation):
    first = demo(installation)
    assert "60 messages for 60 addresses, each address once: 53 by WhatsApp, 6 by SMS, 1 by e-mail" in first
    assert " manage.py doctor" in first.split("Is all well?")[1].splitlines()[0]
    second = demo(installation)
    assert "sent by an earlier run" in second
    assert first.split("password  ")[1].split()[0] == second.split("password  ")[1].split()[0]
    installation.wait_for(lambda: not installation.leftovers())
    with closing(sqlite3.connect(installation.room / "caught" / "caught.sqlite3")) as caught:
        assert caught.execute("SELECT COUNT(*) FROM messages").fetchone() == (61,)  # one number is refused
    assert (installation.room / "demo.json").stat().st_mode & 0o077 == 0


def test_the_demos_people_are_all_importable_and_its_texts_all_valid(mail, tmp_path):
    club = mail.organization
    demo_club.write_people(tmp_path / "people.csv", 300)
    with (tmp_path / "people.csv").open("rb") as file:
        result = import_contacts(club, file, error_path=tmp_path / "errors.csv")
    assert (result.job.created_count, result.job.invalid_count) == (300, 0)
    assert club.contacts.filter(whatsapp_id="").count() == 30
    assert club.contacts.exclude(phone="").count() == demo_club.with_phone(300)
    club.languages = list(demo_club.SMS)
    message = {"channel": mail, "template": demo_newsletter.template(club)}
    broadcast = drafting.save(Broadcast(organization=club), {"send_to_all": True, "messages": [message]})
    assert len(broadcast.audience_preview) == 100
    assert "La piscine rouvre" in broadcast.first_message().translation("fr").html


def test_the_demos_newsletter_is_a_template_that_the_next_run_uses_again(club):
    assert demo_newsletter.template(club) == demo_newsletter.template(club)
    used = set(gallery.listed()["newsletter"].words["en"])
    assert [set(words) == used for words in demo_newsletter.WORDS.values()] == [True] * 3


def test_the_demos_picture_is_a_picture(club):
    picture = demo_channels.picture(club)
    assert (picture.content_type, demo_channels.picture(club)) == ("image/png", picture)


def test_the_demos_channels_and_the_catcher_know_each_others_secrets(club, tmp_path, settings):
    settings.OPEN_NETWORKS = [ip_network("127.0.0.0/8")]
    with Catcher(tmp_path, 0, 0) as catcher:
        for _ in range(2):  # a second run has other ports and secrets
            channels = demo_channels.make(club, catcher)
        account = catcher.accounts.whatsapp[demo_channels.PHONE_ID]
        assert [channel.kind for channel in channels] == ["whatsapp", "sms", "email"] and club.channels.count() == 3
        assert account.callback_url == channels[0].callback_url
        channels[0].transport().check()
    assert set(club.templates.get(name=demo_club.TEMPLATE).translations.values_list("tag", flat=True)) == set(
        demo_club.SMS
    )


@pytest.mark.parametrize(("once", "is_over"), [(True, True), (False, False)])
def test_a_web_server_that_cannot_be_started_ends_the_demo_that_should_end(once, is_over):
    said = []
    server = SimpleNamespace(deaths=4, has_answered=False)
    demo = DemoRun(SimpleNamespace(say=said.append), None, None, None, {}, {"once": once}, [server], "")
    assert (demo.poll(), not demo.is_well, len(said)) == (is_over, is_over, is_over)


def test_another_shell_is_told_the_settings_that_only_the_demo_knows(settings, monkeypatch):
    for name in ("BASE_URL", "OPEN_NETWORKS"):
        monkeypatch.setenv(name, "")
    settings.BASE_URL, settings.OPEN_NETWORKS = "http://localhost:8000", []
    assert serving.reached_at("http://localhost:8000") == {}
    changed = serving.reached_at("http://localhost:8001") | serving.open_loopback()
    line = serving.command_line("doctor", changed)
    assert line.startswith("BASE_URL=http://localhost:8001 OPEN_NETWORKS=127.0.0.0/8,::1/128 ")
    assert line.endswith(" manage.py doctor")
    assert serving.open_loopback() == {}


def test_a_taken_port_is_stepped_over():
    wanted = serving.free_port("127.0.0.1", 21000)
    with serving.socket.create_server(("127.0.0.1", wanted)):
        assert not serving.is_free("127.0.0.1", wanted)
        assert serving.free_port("127.0.0.1", wanted) > wanted
        assert serving.answers("127.0.0.1", wanted)
