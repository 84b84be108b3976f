"""Counts of requests may be per minute, too: an allowance tells when its window began.

The rows of an hour are forgotten: whoever used up this one may go on at once.
"""

from django.db import migrations, models


def forget(apps, schema_editor):
    apps.get_model("broadcasts", "Allowance").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0025_answering_until")]

    operations = [
        migrations.RunPython(forget, forget),
        migrations.RenameField("allowance", "hour", "begins"),
        migrations.AlterField("allowance", "begins", models.PositiveBigIntegerField()),
    ]
