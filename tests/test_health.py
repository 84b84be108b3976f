"""What `doctor` and the readiness check find."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import Schedule

from broadcasts import health
from broadcasts.models import Channel, Delivery, Heartbeat, Mailbox
from broadcasts.schedules import SCHEDULES, ensure_schedules, wrong_schedules

from .make import make_broadcast, make_checked_domain

pytestmark = pytest.mark.django_db


def beat(seconds_ago: int, host: str = "") -> None:
    Heartbeat.objects.update_or_create(
        name=health.CLUSTER,
        host=host,
        defaults={"enqueued_at": timezone.now(), "beaten_at": Now() - timedelta(seconds=seconds_ago)},
    )


def level(name: str) -> str:
    return next(check.level for check in health.checks() if check.id == name)


def test_it_is_ready_only_while_tasks_run():
    assert [check.level for check in health.ready()] == ["ok", "ok", "fail"]
    beat(3600)
    assert [check.level for check in health.ready()] == ["ok", "ok", "fail"]
    beat(0)
    assert [check.level for check in health.ready()] == ["ok", "ok", "ok"]


def test_a_database_that_takes_no_writes_is_not_ready(db_lock):
    db_lock.begin()
    assert [(check.id, check.level) for check in health.ready()][1] == ("writing", "fail")
    assert "busy with other work" in health.writing().message


def test_trying_to_write_piles_up_no_rows(django_assert_num_queries):
    for _ in range(3):
        health.forget()
        assert health.writing().level == health.OK
    assert Heartbeat.objects.count() == 1
    with django_assert_num_queries(0):
        health.writing()


def test_the_beat_of_another_cluster_does_not_count():
    Heartbeat.objects.create(name="other", enqueued_at=timezone.now(), beaten_at=Now())
    assert health.heartbeat().level == health.FAIL


def test_a_host_that_was_killed_does_not_keep_the_others_from_being_ready():
    beat(0, "alive")
    beat(600, "killed")
    assert health.heartbeat().level == health.OK


def test_a_host_that_runs_nothing_any_more_is_told_of_for_a_day():
    beat(0, "alive")
    beat(600, "killed")
    beat(100_000, "long gone")
    assert [(check.id, check.level) for check in health.beats()] == [("heartbeat", "ok"), ("host killed", "warn")]


def test_it_says_when_nobody_can_be_told_by_mail(settings):
    settings.EMAIL_URL = ""
    assert "EMAIL_URL" in health.notices().message
    settings.EMAIL_URL = "smtp://mail.example.org"
    assert health.notices().level == health.OK  # tests keep their mail in memory


def test_a_mail_server_for_notices_that_does_not_work_is_told(settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:2"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 2
    assert health.notices().level == health.WARN


def test_every_check_that_is_not_well_says_how_to_mend_it():
    assert all(check.hint for check in health.checks() if check.level != health.OK)


def test_schedules_are_made_once_and_mended():
    assert level("schedules") == "warn"
    assert sorted(ensure_schedules()) == sorted(SCHEDULES)
    assert ensure_schedules() == []
    Schedule.objects.filter(name="broadcasts: tick").update(args="not a tuple(")
    Schedule.objects.create(name="broadcasts: prune", func="broadcasts.tasks.prune")
    assert sorted(wrong_schedules()) == ["broadcasts: prune", "broadcasts: tick"]
    ensure_schedules()
    assert (level("schedules"), Schedule.objects.count()) == ("ok", len(SCHEDULES))


def test_a_schedule_that_is_right_keeps_its_time():
    ensure_schedules()
    moment = timezone.now() + timedelta(hours=3)
    Schedule.objects.update(next_run=moment)
    ensure_schedules()
    assert set(Schedule.objects.values_list("next_run", flat=True)) == {moment}


def test_a_channel_that_nobody_answers_is_told(mail):
    check = next(check for check in health.checks() if check.id == f"channel {mail.pk}")
    assert check.level == health.FAIL
    assert "Newsletter" in check.message


def test_channels_that_our_own_rules_refuse_stand_apart_and_first(mail, settings):
    settings.OPEN_NETWORKS = [ip_network("127.0.0.1/32")]
    common = {"organization": mail.organization, "kind": "email", "from_address": "a@club.example"}
    inner = Channel.objects.create(name="Inner", settings={"host": "10.0.0.1"}, **common)
    old = Channel.objects.create(name="Old", settings={"backend": "evil.Backend"}, **common)
    checks = list(health.channels())
    assert [check.id for check in checks] == [
        f"refused channel {inner.pk}",
        f"refused channel {old.pk}",
        f"channel {mail.pk}",
    ]
    assert "a private network" in checks[0].message
    assert "offers no backend “evil.Backend”" in checks[1].message
    assert "EMAIL_BACKENDS=Label=dotted.path" in checks[1].hint


def test_a_backend_that_is_offered_and_cannot_be_imported_is_told(settings):
    settings.EMAIL_BACKENDS = {"Gone": "gone.with.the.Wind"}
    assert level("backends") == "fail"


@pytest.mark.parametrize(("found", "told"), [("stop", "fail"), ("warning", "warn"), ("good", "ok")])
def test_what_the_last_look_at_a_sending_domain_found_is_told(mail, found, told):
    domain = make_checked_domain(mail, {"subject": "spf", "level": found, "text": "club.example has no SPF record."})
    assert level(f"sending domain {domain.pk}") == told


def test_a_channel_without_a_sender_is_told(mail):
    Channel.objects.update(from_address="")
    check = next(health.channels())
    assert (check.level, check.hint) == (health.FAIL, "Set its from address.")


def test_an_inactive_channel_is_left_alone(mail):
    Channel.objects.update(is_active=False)
    assert [check.id for check in health.channels()] == ["channels"]


def test_secrets_under_a_lost_key_are_told(mail, settings):
    mail.secrets = {"password": "x"}
    mail.save()
    settings.ENCRYPTION_KEYS = ["another key altogether"]
    check = next(health.channels())
    assert (check.level, check.id) == (health.FAIL, "channels")


def test_deliveries_that_point_nowhere_are_told(mail):
    message = make_broadcast(mail).messages.get()
    assert level("integrity") == "ok"
    Delivery.objects.create(message=message, contact_id=999_999_999)
    assert level("integrity") == "fail"
    Delivery.objects.all()._raw_delete("default")  # or the test's own check of foreign keys finds it too


def test_a_queue_that_cannot_be_reached_is_told(monkeypatch):
    def refuse():
        raise ConnectionError("refused")

    monkeypatch.setattr(health, "get_broker", refuse)
    assert level("queue") == "fail"


@pytest.mark.parametrize(
    ("address", "found"),
    [("http://localhost:8000", "warn"), ("http://mail.example.org", "warn"), ("https://mail.example.org", "ok")],
)
def test_the_address_must_be_one_that_recipients_can_reach(settings, address, found):
    settings.BASE_URL = address
    settings.HTTPS = address.startswith("https")
    assert level("base-url") == found


@pytest.fixture
def place(settings, tmp_path):
    """A folder like that of an installation, from which Python could look for code."""
    settings.BASE_DIR = tmp_path
    settings.DATA_DIR = tmp_path / "var.data"
    settings.DATA_DIR.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    return settings


def told(name: str) -> list[health.Check]:
    return [check for check in health.folder() if check.id == name]


@pytest.mark.parametrize("name", ["var", "data/ours", "my-data"])
def test_a_folder_that_python_could_import_from_is_told_with_its_new_name(place, name):
    assert told("imports") == []
    place.DATA_DIR = place.BASE_DIR / name
    [check] = told("imports")
    assert (check.level, place.DATA_DIR.name + ".data" in check.hint) == ("warn", True)


def test_a_folder_within_any_place_of_code_is_told(place, tmp_path, monkeypatch):
    place.DATA_DIR = tmp_path / "lib.python" / "data"
    assert told("imports") == []
    monkeypatch.syspath_prepend(tmp_path / "lib.python")
    assert str(tmp_path / "lib.python") in told("imports")[0].message


def test_a_folder_that_others_can_read_is_told(place, monkeypatch):
    monkeypatch.setattr(health, "is_exposed", lambda path: path == place.DATA_DIR)
    [check] = told("files")
    assert (check.level, check.hint.endswith(f"chmod go= {place.DATA_DIR}")) == ("warn", True)


def test_a_closed_folder_shields_what_is_in_it(tmp_path):
    file = tmp_path / "closed" / "file"
    file.parent.mkdir(mode=0o700)
    file.touch(mode=0o666)
    file.chmod(0o666)
    assert not health.is_exposed(file)
    assert health.is_exposed(Path("/"))


@pytest.fixture
def mailbox(mail) -> Mailbox:
    return Mailbox.objects.create(channel=mail, name="Bounces", host="imap.example.org", username="u")


def told_of(mailbox: Mailbox) -> list[str]:
    return [check.message for check in health.mailboxes() if check.id == f"mailbox {mailbox.pk}"]


def test_a_mailbox_that_cannot_be_read_is_told_with_its_error(mailbox):
    assert [check.level for check in health.mailboxes()] == [health.OK]
    Mailbox.objects.update(failures=2, last_error="The server refused the sign-in.")
    [words] = told_of(mailbox)
    assert "was never read, and cannot be read now: The server refused the sign-in." in words


def test_a_mailbox_that_nobody_reads_is_told(mailbox):
    Mailbox.objects.update(due_at=Now() - timedelta(minutes=20), checked_at="2026-01-02T03:04Z")
    [words] = told_of(mailbox)
    assert "was read last at 2 Jan 2026, 03:04 UTC, though it is due." in words
    Mailbox.objects.update(is_active=False)
    assert list(health.mailboxes()) == []
