"""The refusal budget, notices to staff, and a heartbeat per host."""

from django.db import migrations, models


def forget_beats(apps, schema_editor):
    """Going back, one row a cluster is wanted; the next beat writes it."""
    apps.get_model("broadcasts", "Heartbeat").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0002_delivery_storage"),
    ]

    operations = [
        migrations.AddField(
            model_name="broadcast",
            name="forgiven_failed",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="broadcast",
            name="forgiven_sent",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="broadcast",
            name="notice_due_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="heartbeat",
            name="name",
            field=models.CharField(max_length=100),
        ),
        migrations.AddIndex(
            model_name="broadcast",
            index=models.Index(
                condition=models.Q(("notice_due_at__isnull", False)),
                fields=["notice_due_at"],
                name="broadcast_notice_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="heartbeat",
            constraint=models.UniqueConstraint(fields=("name", "host"), name="heartbeat_once"),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_beats),
    ]
