"""Leave room in each page of the delivery table for one UPDATE of each of its rows (HOT).

A window of 500 holds whole pages and is one transaction, so with less room most updates would write all indexes.
"""

from django.db import migrations


def fill(percent):
    def change(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER TABLE broadcasts_delivery SET (fillfactor = {percent})")

    return change


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0037_composing")]

    operations = [migrations.RunPython(fill(50), fill(75))]
