"""Remember whose address a reply came from, when, and what its provider calls it, so that it is stored once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0018_references_and_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="inbound",
            name="address",
            field=models.CharField(blank=True, max_length=320),
        ),
        migrations.AddField(
            model_name="inbound",
            name="at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="inbound",
            name="provider_id",
            field=models.CharField(blank=True, editable=False, max_length=255),
        ),
        migrations.AddConstraint(
            model_name="inbound",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_id", ""), _negated=True),
                fields=("channel", "provider_id"),
                name="inbound_once",
            ),
        ),
    ]
