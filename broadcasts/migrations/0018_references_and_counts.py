"""Let references be of a channel, keep early facts, count facts for reports, and take vocabularies out of the schema."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Now

# Words and their labels are checked by the code alone: none of these changes a table.
WORDS = [
    ("attendance", "status", models.CharField(default="booked", max_length=10)),
    ("attribute", "index_state", models.CharField(blank=True, editable=False, max_length=10, verbose_name="index")),
    ("attribute", "type", models.CharField(default="text", max_length=10)),
    ("batch", "state", models.CharField(default="ready", max_length=6)),
    ("broadcast", "attendance_status", models.CharField(blank=True, max_length=10, null=True)),
    ("broadcast", "channel_policy", models.CharField(default="first", max_length=5)),
    ("broadcast", "origin", models.CharField(editable=False, max_length=10, null=True)),
    ("broadcast", "retarget_engagement", models.CharField(blank=True, max_length=12, null=True)),
    ("broadcast", "status", models.CharField(default="DRAFT", editable=False, max_length=10)),
    ("broadcast", "use_case", models.CharField(default="general", max_length=10)),
    (
        "channel",
        "address_field",
        models.CharField(
            blank=True,
            help_text="The contact's field it sends to; blank means what its kind usually uses.",
            max_length=20,
        ),
    ),
    ("channel", "health", models.CharField(default="unknown", editable=False, max_length=10)),
    ("channel", "kind", models.CharField(max_length=20)),
    ("consent", "medium", models.CharField(max_length=10)),
    ("consent", "state", models.CharField(default="unknown", max_length=9)),
    ("consent", "use_case", models.CharField(max_length=10)),
    ("consentchange", "medium", models.CharField(max_length=10)),
    ("consentchange", "state", models.CharField(max_length=9)),
    ("consentchange", "use_case", models.CharField(max_length=10)),
    ("contact", "status", models.CharField(default="active", max_length=10)),
    ("delivery", "reason", models.CharField(blank=True, max_length=16)),
    ("delivery", "status", models.CharField(default="pending", max_length=9)),
    ("deliveryevent", "type", models.CharField(max_length=12)),
    ("importjob", "format", models.CharField(default="csv", max_length=5)),
    ("importjob", "kind", models.CharField(default="contacts", max_length=20)),
    ("importjob", "status", models.CharField(default="running", max_length=8)),
    ("invitation", "role", models.CharField(default="viewer", max_length=10)),
    ("invitation", "status", models.CharField(default="open", max_length=9)),
    ("member", "role", models.CharField(default="viewer", max_length=10)),
    ("message", "syntax", models.CharField(default="liquid", max_length=12)),
    ("organization", "default_use_case", models.CharField(default="general", max_length=10)),
    ("organization", "status", models.CharField(default="active", max_length=10)),
    ("personallink", "purpose", models.CharField(max_length=7)),
    ("personallink", "use_case", models.CharField(blank=True, max_length=10)),
    ("segment", "kind", models.CharField(default="dynamic", max_length=10)),
    ("suppression", "medium", models.CharField(default="email", max_length=10)),
    ("suppression", "reason", models.CharField(default="manual", max_length=12)),
    (
        "suppression",
        "use_case",
        models.CharField(blank=True, help_text="Blank: everything; marketing: only marketing.", max_length=10),
    ),
    ("template", "medium", models.CharField(default="email", max_length=10)),
    ("template", "syntax", models.CharField(default="liquid", max_length=12)),
]


def fill_channels(apps, schema_editor):
    """Give each reference the channel that its delivery left by; what no delivery is left of finds nothing."""
    refs, deliveries = apps.get_model("broadcasts", "ProviderRef").objects, apps.get_model("broadcasts", "Delivery")
    channel = deliveries.objects.filter(pk=OuterRef("delivery_id")).values("message__channel")[:1]
    refs.update(channel=Subquery(channel))
    refs.filter(channel=None).delete()


def fill_kinds(apps, schema_editor):
    """Give each reference the kind of its channel; of two with one id the older stays, as only one may."""
    refs, channels = apps.get_model("broadcasts", "ProviderRef").objects, apps.get_model("broadcasts", "Channel")
    refs.exclude(Exists(channels.objects.filter(pk=OuterRef("channel_id")))).delete()  # no constraint holds them
    refs.update(kind=Subquery(channels.objects.filter(pk=OuterRef("channel_id")).values("kind")[:1]))
    older = refs.filter(kind=OuterRef("kind"), provider_id=OuterRef("provider_id"), pk__lt=OuterRef("pk"))
    refs.filter(Exists(older)).delete()


def id_column():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def parent(model, related_name, **options):
    options = {"db_index": False, "related_name": related_name, **options}
    return models.ForeignKey(f"broadcasts.{model}", django.db.models.deletion.CASCADE, **options)


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0017_default_per_medium"),
    ]

    operations = [
        # References: each step back finds what it needs, so the old column has a default until it goes.
        migrations.AddField(
            "providerref", "channel", parent("channel", "provider_refs", db_constraint=False, null=True)
        ),
        migrations.AlterField("providerref", "kind", models.CharField(default="", max_length=20)),
        migrations.RunPython(fill_channels, migrations.RunPython.noop),
        migrations.RemoveConstraint("providerref", "provider_ref_once"),
        migrations.AlterField("providerref", "channel", parent("channel", "provider_refs", db_constraint=False)),
        migrations.RunPython(migrations.RunPython.noop, fill_kinds),
        migrations.RemoveField("providerref", "kind"),
        migrations.AddConstraint(
            "providerref", models.UniqueConstraint(fields=("channel", "provider_id"), name="provider_ref_once")
        ),
        migrations.CreateModel(
            name="EarlyFact",
            fields=[
                ("id", id_column()),
                ("provider_id", models.CharField(max_length=255)),
                ("created", models.DateTimeField(db_default=Now(), editable=False)),
                ("type", models.CharField(max_length=12)),
                ("at", models.DateTimeField()),
                ("machine", models.BooleanField(default=False)),
                ("detail", models.JSONField(default=dict)),
                ("channel", parent("channel", "+")),
            ],
            options={"indexes": [models.Index(fields=["channel", "provider_id"], name="early_fact_claimed")]},
        ),
        migrations.CreateModel(
            name="MinuteCount",
            fields=[
                ("id", id_column()),
                ("fact", models.CharField(max_length=12)),
                ("minute", models.DateTimeField()),
                ("count", models.PositiveIntegerField(default=0)),
                ("message", parent("message", "minute_counts")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["message", "fact", "minute"], name="minute_count_once"),
                ]
            },
        ),
        migrations.CreateModel(
            name="GroupCount",
            fields=[
                ("id", id_column()),
                ("fact", models.CharField(max_length=12)),
                ("dimension", models.CharField(max_length=10)),
                ("value", models.CharField(max_length=255)),
                ("count", models.PositiveIntegerField(default=0)),
                ("message", parent("message", "group_counts")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["message", "fact", "dimension", "value"], name="group_count_once"),
                ]
            },
        ),
        *(
            migrations.AddField("link", name, models.PositiveIntegerField(default=0, editable=False))
            for name in ("clicks", "people", "machine_clicks")
        ),
        migrations.AddField("message", "extra", models.JSONField(default=dict, editable=False)),
        *(migrations.AlterField(*word) for word in WORDS),
    ]
