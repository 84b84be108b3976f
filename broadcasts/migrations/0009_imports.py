"""Imports that run in the background: what they are told, how far they are, and who is at them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0008_attribute_indexes"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="importjob",
            options={"verbose_name": "import"},
        ),
        migrations.AddField(
            model_name="importjob",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="bytes_read",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="bytes_total",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="error_bytes",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="format",
            field=models.CharField(choices=[("csv", "CSV"), ("jsonl", "JSON lines")], default="csv", max_length=5),
        ),
        migrations.AddField(
            model_name="importjob",
            name="kind",
            field=models.CharField(
                choices=[("contacts", "Contacts"), ("attendances", "Attendances")], default="contacts", max_length=11
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="lease_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="line",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="options",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="importjob",
            name="rehearsal",
            field=models.OneToOneField(
                help_text="The dry run that this one follows.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="performance",
                to="broadcasts.importjob",
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="source",
            field=models.CharField(
                blank=True, help_text="The kept upload; none of a command, or pruned.", max_length=255
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="started_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="stop_asked",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="importjob",
            name="suppressed_count",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Of the rows taken: whose person has an address that must not be reached.",
                verbose_name="suppressed",
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="token",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="importjob",
            name="tries",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="importjob",
            name="created_count",
            field=models.PositiveIntegerField(default=0, verbose_name="new"),
        ),
        migrations.AlterField(
            model_name="importjob",
            name="status",
            field=models.CharField(
                choices=[
                    ("uploaded", "Uploaded, not started"),
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("stopped", "Stopped"),
                    ("failed", "Failed"),
                ],
                default="running",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="importjob",
            name="unchanged_count",
            field=models.PositiveIntegerField(default=0, verbose_name="unchanged"),
        ),
        migrations.AlterField(
            model_name="importjob",
            name="updated_count",
            field=models.PositiveIntegerField(default=0, verbose_name="changed"),
        ),
        migrations.AddIndex(
            model_name="importjob",
            index=models.Index(
                condition=models.Q(("status__in", ["waiting", "running"])), fields=["modified"], name="import_at_work"
            ),
        ),
    ]
