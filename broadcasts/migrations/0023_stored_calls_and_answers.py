"""Store the calls of providers before they are applied, answer keywords, and list replies by what they answer."""

from typing import Any

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


def tie(apps: Any, schema_editor: Any) -> None:
    """Write the broadcasts that replies are for, by the copies that they answer."""
    replies = apps.get_model("broadcasts", "Inbound").objects.filter(delivery__isnull=False, broadcast=None)
    copies = apps.get_model("broadcasts", "Delivery").objects.filter(pk=models.OuterRef("delivery"))
    replies.update(broadcast=models.Subquery(copies.values("message__broadcast")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0022_provider_templates"),
    ]

    operations = [
        migrations.CreateModel(
            name="AutoReply",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address_hash", models.CharField(max_length=32)),
                ("keyword", models.CharField(max_length=5)),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="StoredCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, null=True
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("method", models.CharField(max_length=4)),
                ("url", models.TextField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField()),
                ("accounts", models.JSONField(default=dict)),
                ("things", models.PositiveIntegerField()),
                ("left", models.JSONField(null=True)),
            ],
        ),
        migrations.AlterModelOptions(
            name="inbound",
            options={"verbose_name": "reply", "verbose_name_plural": "inbox"},
        ),
        migrations.RemoveIndex(
            model_name="earlyfact",
            name="early_fact_claimed",
        ),
        migrations.AddField(
            model_name="earlyfact",
            name="due_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
        migrations.AddField(
            model_name="inbound",
            name="broadcast",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="replies",
                to="broadcasts.broadcast",
            ),
        ),
        migrations.AlterField(
            model_name="earlyfact",
            name="channel",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="broadcasts.channel"
            ),
        ),
        migrations.AlterField(
            model_name="inbound",
            name="channel",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="inbound",
                to="broadcasts.channel",
            ),
        ),
        migrations.AlterField(
            model_name="inbound",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="inbound",
                to="broadcasts.organization",
            ),
        ),
        migrations.AddIndex(
            model_name="earlyfact",
            index=models.Index(fields=["due_at"], name="early_fact_due"),
        ),
        migrations.AddIndex(
            model_name="inbound",
            index=models.Index(fields=["organization", "created", "id"], name="inbound_of_organization"),
        ),
        migrations.AddIndex(
            model_name="inbound",
            index=models.Index(fields=["created", "id"], name="inbound_newest"),
        ),
        migrations.AddIndex(
            model_name="inbound",
            index=models.Index(fields=["channel", "created", "id"], name="inbound_of_channel"),
        ),
        migrations.AddIndex(
            model_name="inbound",
            index=models.Index(
                condition=models.Q(("broadcast__isnull", False)),
                fields=["broadcast", "created", "id"],
                name="inbound_of_broadcast",
            ),
        ),
        migrations.AddField(
            model_name="autoreply",
            name="channel",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="broadcasts.channel"
            ),
        ),
        migrations.AddField(
            model_name="autoreply",
            name="inbound",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="answer", to="broadcasts.inbound"
            ),
        ),
        migrations.AddField(
            model_name="storedcall",
            name="channel",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="broadcasts.channel"
            ),
        ),
        migrations.AddIndex(
            model_name="autoreply",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="answer_due"),
        ),
        migrations.AddIndex(
            model_name="autoreply",
            index=models.Index(fields=["channel", "address_hash", "created"], name="answer_address"),
        ),
        migrations.AddIndex(
            model_name="storedcall",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="stored_call_due"
            ),
        ),
        migrations.RunPython(tie, migrations.RunPython.noop, elidable=True),
    ]
