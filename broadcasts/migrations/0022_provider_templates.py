"""Keep what providers say of the templates that they store, and tell who wrote lately."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0021_segments_and_references"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="template",
            name="template_name_ci",
        ),
        migrations.AddField(
            model_name="templatetranslation",
            name="category",
            field=models.CharField(blank=True, editable=False, max_length=20),
        ),
        migrations.AddField(
            model_name="templatetranslation",
            name="provider_id",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="templatetranslation",
            name="quality",
            field=models.CharField(blank=True, editable=False, max_length=20),
        ),
        migrations.AddField(
            model_name="templatetranslation",
            name="removed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="templatetranslation",
            name="status",
            field=models.CharField(blank=True, editable=False, max_length=20),
        ),
        migrations.AddField(
            model_name="templatetranslation",
            name="status_reason",
            field=models.CharField(blank=True, editable=False, max_length=255),
        ),
        migrations.AddField(
            model_name="templatetranslation",
            name="structure",
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AlterField(
            model_name="channel",
            name="rate",
            field=models.PositiveIntegerField(
                blank=True, help_text="Messages per second at most; blank: what its kind allows.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="inbound",
            index=models.Index(fields=["channel", "contact", "created"], name="inbound_lately"),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.UniqueConstraint(
                models.F("organization"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("channel", None)),
                name="template_name_ci",
                violation_error_message="There is a template of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.UniqueConstraint(
                condition=models.Q(("channel__isnull", False)),
                fields=("channel", "name"),
                name="template_name_at_provider",
                violation_error_message="The channel has a template of this name already.",
            ),
        ),
        migrations.AlterField(
            model_name="template",
            name="channel",
            field=models.ForeignKey(
                blank=True,
                help_text="Where the provider keeps the template.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="broadcasts.channel",
            ),
        ),
    ]
