"""Give the places and series of activities rows of their own, instead of a text in each activity."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

import broadcasts.models.base

AT_ONCE = 1_000
SHARED = {"series": "Series", "place": "Place"}


def check_now(schema_editor: Any) -> None:
    """Check the foreign keys of what was written: PostgreSQL alters no table with checks still to come."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def texts_to_rows(apps: Any, schema_editor: Any) -> None:
    activities = apps.get_model("broadcasts", "Activity").objects
    for field, model in SHARED.items():
        rows = apps.get_model("broadcasts", model).objects
        text = f"{field}_text"
        given = activities.exclude(**{text: ""}).order_by().values_list("organization_id", text).distinct()
        fresh = []
        for organization_id, name in given.iterator():
            fresh.append(rows.model(organization_id=organization_id, name=name))
            if len(fresh) == AT_ONCE:
                rows.bulk_create(fresh)
                fresh = []
        rows.bulk_create(fresh)
        found = rows.filter(organization=OuterRef("organization"), name=OuterRef(text)).values("pk")
        activities.exclude(**{text: ""}).update(**{field: Subquery(found)})
    check_now(schema_editor)


def rows_to_texts(apps: Any, schema_editor: Any) -> None:
    activities = apps.get_model("broadcasts", "Activity").objects
    for field, model in SHARED.items():
        names = apps.get_model("broadcasts", model).objects.filter(pk=OuterRef(field)).values("name")
        activities.update(**{f"{field}_text": Coalesce(Subquery(names), Value(""))})
    check_now(schema_editor)


def shared(name: str, constraint: str, **options: Any) -> migrations.CreateModel:
    organization = models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="broadcasts.organization"
    )
    return migrations.CreateModel(
        name=name,
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
            ("created", models.DateTimeField(auto_now_add=True)),
            ("modified", models.DateTimeField(auto_now=True)),
            ("name", models.CharField(max_length=255)),
            ("organization", organization),
        ],
        options={
            "abstract": False,
            **options,
            "constraints": [models.UniqueConstraint(fields=["organization", "name"], name=constraint)],
        },
    )


def reference(to: str) -> models.ForeignKey:
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.RESTRICT,
        related_name="activities",
        to=f"broadcasts.{to}",
    )


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0031_contact_by_change")]

    operations = [
        shared("Series", "series_name", verbose_name_plural="series"),
        shared("Place", "place_name"),
        migrations.RemoveIndex("activity", "activity_by_series"),
        migrations.RenameField("activity", "series", "series_text"),
        migrations.RenameField("activity", "place", "place_text"),
        # The defaults are for the way back.
        migrations.AlterField("activity", "series_text", models.CharField(blank=True, default="", max_length=255)),
        migrations.AlterField("activity", "place_text", models.CharField(blank=True, default="", max_length=255)),
        migrations.AddField("activity", "series", reference("series")),
        migrations.AddField("activity", "place", reference("place")),
        migrations.RunPython(texts_to_rows, rows_to_texts),
        migrations.RemoveField("activity", "series_text"),
        migrations.RemoveField("activity", "place_text"),
    ]
