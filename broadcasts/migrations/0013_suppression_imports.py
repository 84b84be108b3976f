"""Imports of suppressions; keys of repeated requests that can be taken over."""

from django.db import migrations, models


def forget_imports_of_suppressions(apps, schema_editor):
    """Delete what the column as it was before has no room for."""
    apps.get_model("broadcasts", "ImportJob").objects.filter(kind="suppressions").delete()


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0012_media_files")]

    operations = [
        migrations.AddField("idempotencykey", "token", models.PositiveIntegerField(default=0)),
        migrations.AlterField(
            "importjob",
            "kind",
            models.CharField(
                choices=[("contacts", "Contacts"), ("attendances", "Attendances"), ("suppressions", "Suppressions")],
                default="contacts",
                max_length=20,
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_imports_of_suppressions),
    ]
