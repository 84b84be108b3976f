"""People are found by how words of their names and addresses begin, whatever the case and the accents."""

from typing import Any

from django.db import migrations, models

from broadcasts.models.search import search_text

CHUNK = 5000


def fill(apps: Any, schema_editor: Any) -> None:
    write_words(apps.get_model("broadcasts", "Contact"), schema_editor.connection)


def write_words(model: Any, connection: Any) -> None:
    """Write the words of all contacts, a chunk at a time in the order of their ids."""
    contacts = model.objects.using(connection.alias).order_by("pk")
    last = 0
    while chunk := list(contacts.filter(pk__gt=last).values_list("full_name", "email", "whatsapp_id", "pk")[:CHUNK]):
        last = chunk[-1][-1]
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE broadcasts_contact SET search_text = %s WHERE id = %s",
                [(search_text(*texts), pk) for *texts, pk in chunk],
            )


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0010_merged_copies")]

    operations = [
        migrations.AddField("contact", "search_text", models.TextField(default="", editable=False)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
