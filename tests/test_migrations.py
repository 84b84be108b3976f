"""What migrations do to what users wrote."""

from importlib import import_module

from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader

from broadcasts.models import Broadcast, Channel, ImportJob, Segment

medium = import_module("broadcasts.migrations.0016_medium")
defaults = import_module("broadcasts.migrations.0017_default_per_medium")


def test_a_new_installation_gets_at_once_what_the_steps_make(settings):
    settings.MIGRATION_MODULES = {}
    at_once = MigrationLoader(None)
    steps = MigrationLoader(None, replace_migrations=False)
    last = [node for node in steps.graph.leaf_nodes() if node not in steps.replacements]
    assert len(at_once.graph.nodes) < len(steps.graph.nodes)
    assert MigrationAutodetector(steps.project_state(last), at_once.project_state())._detect_changes() == {}


def asked(name):
    consent = {"consent": {name: "email", "use_case": "marketing", "state": "granted"}}
    return {"all": [{"language": "es", "attributes__medium": "paper"}, {"any": [consent, {"not": consent}]}]}


def test_stored_conditions_say_medium_and_say_the_old_word_again_on_the_way_back(club):
    segment = Segment.objects.create(organization=club, name="Readers", rules=asked("channel_kind"))
    broadcast = Broadcast.objects.create(organization=club, name="News", query=asked("channel_kind"))

    medium.forward(apps, None)
    segment.refresh_from_db()
    broadcast.refresh_from_db()
    assert segment.rules == asked("medium") and broadcast.query == asked("medium")

    medium.back(apps, None)
    segment.refresh_from_db()
    broadcast.refresh_from_db()
    assert segment.rules == asked("channel_kind") and broadcast.query == asked("channel_kind")


def stored_import(club, name):
    types = {"channel_kind": "text", "medium": "text"}  # attributes, whatever their names
    said = {"consent": {name: "sms", "source": "form"}, "defaults": {name: "sms"}, "types": types}
    return {"options": said, "mapping": {"Kind": name, "channel_kind": "reason", "medium": "attributes.medium"}}


def test_an_import_that_waits_is_finished_after_the_word_changed(club):
    job = ImportJob.objects.create(organization=club, filename="list.csv", **stored_import(club, "channel_kind"))
    for step, word in ((medium.forward, "medium"), (medium.back, "channel_kind")):
        step(apps, None)
        job.refresh_from_db()
        assert {"options": job.options, "mapping": job.mapping} == stored_import(club, word)


def test_a_console_that_was_a_default_of_its_kind_takes_nothing_over_from_an_account(club, elsewhere, mail):
    Channel.objects.filter(pk=mail.pk).update(is_default=False)
    beside, alone = (
        Channel.objects.create(organization=one, name="Console", kind="console", is_default=True)
        for one in (club, elsewhere)
    )
    defaults.leave_accounts_as_defaults(apps, None)
    assert list(Channel.objects.filter(is_default=True)) == [alone]
    assert club.default_channel("email") == mail and beside.pk
