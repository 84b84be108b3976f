"""Measure opens and clicks: switches, hits until they are judged, and which batches are counted by group."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0032_places_and_series"),
    ]

    operations = [
        migrations.CreateModel(
            name="Hit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=6)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("due_at", models.DateTimeField(editable=False)),
                ("ip_address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=255)),
                ("is_head", models.BooleanField(default=False)),
                ("is_prefetch", models.BooleanField(default=False)),
            ],
        ),
        migrations.AddField(
            model_name="batch",
            name="is_grouped",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="broadcast",
            name="track_clicks",
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="broadcast",
            name="track_opens",
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="channel",
            name="track_clicks",
            field=models.BooleanField(
                default=True, help_text="Measure what was clicked in its mail: links lead through this server."
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="track_opens",
            field=models.BooleanField(default=True, help_text="Measure who opened its mail, by a small picture in it."),
        ),
        migrations.AddField(
            model_name="contact",
            name="no_tracking",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Asked that nobody measures what they open and click.",
                verbose_name="not tracked",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="track_clicks",
            field=models.BooleanField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="track_opens",
            field=models.BooleanField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="track_general",
            field=models.BooleanField(
                default=True,
                help_text="Measure opens and clicks of general mail too, where its channel does; no: of marketing only.",
                verbose_name="track general messages",
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="tracking_domain",
            field=models.CharField(
                blank=True,
                help_text="The host of tracked links, such as links.example.org, which must lead to this server; blank: its own.",
                max_length=253,
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("is_grouped", False), ("state", "done")), fields=["message"], name="batch_to_group"
            ),
        ),
        migrations.AddField(
            model_name="hit",
            name="delivery",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="broadcasts.delivery",
            ),
        ),
        migrations.AddField(
            model_name="hit",
            name="link",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="broadcasts.link",
            ),
        ),
        migrations.AddIndex(
            model_name="hit",
            index=models.Index(fields=["due_at"], name="hit_due"),
        ),
        migrations.AddIndex(
            model_name="hit",
            index=models.Index(fields=["delivery"], name="hit_of_delivery"),
        ),
    ]
