"""Count the segments of SMS and keep their price; hash what names a person to a webhook."""

from typing import Any

from django.db import migrations, models

from broadcasts.mediums import reference_hash

CHUNK = 5_000


def hash_references(apps: Any, schema_editor: Any) -> None:
    contacts = apps.get_model("broadcasts", "Contact").objects.order_by("pk")
    last = 0
    while chunk := list(contacts.filter(pk__gt=last).only("pk", "uuid", "external_id")[:CHUNK]):
        for contact in chunk:
            contact.reference_hash = reference_hash(contact.external_id or str(contact.uuid))
        contacts.bulk_update(chunk, ["reference_hash"], batch_size=500)
        last = chunk[-1].pk


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0020_yielded_at")]

    operations = [
        migrations.AddField("contact", "reference_hash", models.CharField(editable=False, max_length=32, null=True)),
        migrations.AddField("delivery", "segments", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("batch", "segments", models.IntegerField(default=0)),
        migrations.AddField(
            "message",
            "segment_price",
            models.DecimalField(decimal_places=6, editable=False, max_digits=10, null=True),
        ),
        migrations.AddField(
            "message", "currency", models.CharField(blank=True, default="", editable=False, max_length=3)
        ),
        migrations.RunPython(hash_references, migrations.RunPython.noop),
    ]
