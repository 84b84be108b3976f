"""Words that columns hold: checked by the code, unknown to the database."""

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from broadcasts.models import Segment


def found_changes() -> dict:
    """What makemigrations would write for our app."""
    loader = MigrationLoader(connection)
    autodetector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    return autodetector.changes(loader.graph, trim_to_apps={"broadcasts"})


def test_every_vocabulary_grows_without_a_migration(db, settings, monkeypatch):
    settings.MIGRATION_MODULES = {}
    models = apps.get_app_config("broadcasts").get_models()
    fields = [field for model in models for field in model._meta.local_fields if field.choices]
    assert len(fields) > 30
    for field in fields:
        monkeypatch.setattr(field, "choices", [*field.choices, ("more", "One more word")])
    assert found_changes() == {}


def test_a_word_that_is_not_of_the_vocabulary_is_refused(club):
    with pytest.raises(ValidationError, match="not a valid choice"):
        Segment(organization=club, name="Gold", kind="clever").full_clean()
