import os
import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ

from broadcasts import importing, stats
from broadcasts.models import (
    Broadcast,
    Delivery,
    DeliveryAttempt,
    DeliveryEvent,
    IdempotencyKey,
    ImportJob,
    Inbound,
    Media,
    Organization,
    ProviderRef,
    SoftBounce,
)
from tests.make import make_broadcast, make_contacts, make_picture
from tests.sending.steps import send, start


@pytest.fixture
def old(mail, server, settings):
    """A broadcast that was sent a hundred days ago, with what belongs to its deliveries."""
    settings.DELIVERY_RETENTION_DAYS = 90
    make_contacts(mail.organization, 3)
    broadcast = send(make_broadcast(mail))
    for row in Delivery.objects.all():
        DeliveryEvent.objects.create(delivery=row, type="opened", at=timezone.now())
        DeliveryAttempt.objects.create(delivery=row, number=1)
        ProviderRef.objects.create(delivery=row, channel=mail, provider_id=str(row.pk))
    Inbound.objects.create(organization=mail.organization, delivery=Delivery.objects.first(), text="Thanks")
    Broadcast.objects.update(completed_at=Now() - timedelta(days=100))
    return broadcast


def test_old_deliveries_go_with_what_belongs_to_them_and_the_counts_stay(old, command):
    before = stats.counts([old])
    said, _ = command("prune")
    assert "3  deliveries deleted" in said
    assert not any(model.objects.exists() for model in (Delivery, DeliveryAttempt, DeliveryEvent, ProviderRef))
    assert Inbound.objects.get().text == "Thanks"
    assert stats.counts([old]) == before
    assert before[old.pk]["sent"] == 3


def test_a_dry_run_deletes_nothing(old, command):
    said, _ = command("prune", dry_run=True)
    assert "3  deliveries to delete" in said
    assert Delivery.objects.count() == 3


def test_what_is_recent_or_not_finished_stays(old, command, mail):
    start(make_broadcast(mail))
    Broadcast.objects.filter(pk=old.pk).update(completed_at=Now() - timedelta(days=80))
    command("prune")
    assert Delivery.objects.count() == 6


def test_deliveries_are_kept_for_ever_unless_said_otherwise(old, command, settings):
    settings.DELIVERY_RETENTION_DAYS = 0
    said, _ = command("prune")
    assert "kept for ever" in said
    assert Delivery.objects.count() == 3


def test_old_answers_sessions_and_wake_ups_go(command, club):
    now = timezone.now()
    for days in (0, 2):
        moment = now - timedelta(days=days)
        IdempotencyKey.objects.create(organization=club, key=str(days), fingerprint="x", created=moment)
        Session.objects.create(session_key=str(days), session_data="", expire_date=moment + timedelta(hours=1))
        OrmQ.objects.create(key="broadcasts", payload=str(days), lock=moment)
    command("prune")
    assert [rows.count() for rows in (IdempotencyKey.objects, Session.objects, OrmQ.objects)] == [1, 1, 1]


def begun(club, **options):
    job = importing.begin(club, importing.store([b"mail\nbad\n"]), **options)
    importing.run_import(job.pk)
    return job


def test_files_of_old_imports_go_and_the_history_stays(club, command, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    old, recent = (begun(club) for _ in range(2))
    ImportJob.objects.filter(pk=old.pk).update(modified=Now() - timedelta(days=31))
    command("prune")
    assert list(tmp_path.glob("imports/*")) == [recent.file("errors.csv")]
    old.refresh_from_db()
    assert (old.source, old.invalid_count, ImportJob.objects.count()) == ("", 1, 2)


def test_an_upload_that_was_never_started_is_stopped_with_its_file(club, command, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    job = importing.upload(club, importing.store([b"mail\n"]))
    ImportJob.objects.update(modified=Now() - timedelta(days=31))
    command("prune")
    job.refresh_from_db()
    assert (job.status, list(tmp_path.glob("imports/*"))) == ("stopped", [])


def test_an_upload_whose_worker_died_before_deleting_it_goes(club, command, settings, tmp_path, monkeypatch):
    settings.DATA_DIR, settings.IMPORT_RETENTION_DAYS = tmp_path, 0
    with monkeypatch.context() as patch:
        patch.setattr(ImportJob, "discard_upload", lambda job: None)
        left = begun(club)
    rehearsal = begun(club, dry_run=True)
    waiting = importing.upload(club, importing.store([b"mail\n"]))
    said, _ = command("prune", dry_run=True)
    assert "1  uploads that nothing reads to delete" in said and left.source_path.exists()
    command("prune")
    assert set(tmp_path.glob("imports/*.upload")) == {rehearsal.source_path, waiting.source_path}


def test_an_upload_that_no_import_names_goes_after_a_day(club, command, settings, tmp_path):
    settings.DATA_DIR, settings.IMPORT_RETENTION_DAYS = tmp_path, 0
    old, recent = (importing.store([b"mail\n"]).path for _ in range(2))
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    command("prune")
    assert list(tmp_path.glob("imports/*")) == [recent]


def test_a_file_that_no_media_names_goes_after_a_day(club, command, settings, tmp_path):
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    kept = Media.objects.create(organization=club, file=ContentFile(b"%PDF-1", name="a.pdf"))
    stray = settings.MEDIA_ROOT / "ab" / "abc.pdf"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"%PDF-1")
    yesterday = time.time() - 25 * 3600
    for path in (stray, settings.MEDIA_ROOT / kept.file.name):
        os.utime(path, (yesterday, yesterday))
    command("prune")
    assert list(settings.MEDIA_ROOT.glob("??/*")) == [settings.MEDIA_ROOT / kept.file.name]


def test_a_thumbnail_goes_when_its_picture_is_gone(club, command, settings, tmp_path):
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    kept, gone = make_picture(club), make_picture(club)
    for media in (kept, gone):
        media.keep_thumbnail(b"small")
    gone.file.storage.delete(gone.file.name)
    command("prune")
    assert list(settings.MEDIA_ROOT.glob("thumbnails/??/*")) == [kept.thumbnail_path]


def test_soft_bounces_stay_for_the_longest_window_of_any_organization(club, elsewhere, command):
    Organization.objects.filter(pk=elsewhere.pk).update(soft_bounce_days=60)
    for days in (59, 61):
        at = timezone.now() - timedelta(days=days)
        SoftBounce.objects.create(organization=club, address_hash="a", delivery=days, at=at)
    command("prune")
    assert [one.delivery for one in SoftBounce.objects.all()] == [59]


def test_words_about_somebody_who_was_erased_meanwhile_are_blanked(mail, command):
    row = Delivery.objects.create(message=make_broadcast(mail).messages.get(), address="")
    DeliveryAttempt.objects.create(delivery=row, number=1, words="550 no such user joe@example.com")
    command("prune")
    assert DeliveryAttempt.objects.get().words == ""
