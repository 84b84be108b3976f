"""Tune the delivery table for one UPDATE per row on PostgreSQL.

Room in each page keeps those updates within it (HOT), and vacuum starts early enough to keep it so.
"""

from django.db import migrations


def tune(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE broadcasts_delivery SET (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02)"
        )


def reset(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE broadcasts_delivery RESET (fillfactor, autovacuum_vacuum_scale_factor)")


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0001_initial")]

    operations = [migrations.RunPython(tune, reset)]
