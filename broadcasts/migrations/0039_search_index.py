"""People are found by the words of their names through an index, which PostgreSQL builds beside those who write."""

from typing import Any

from django.db import migrations

from broadcasts.models.search import LONGEST, search_text, words_vector

NAME = "contact_words"


def cut(apps: Any, schema_editor: Any) -> None:
    """Write the words again of contacts with a longer one than a search text has now: a handful, if any."""
    connection, table = schema_editor.connection, "broadcasts_contact"
    is_long = f"search_text ~ '[^ ]{{{LONGEST + 1}}}'"
    if connection.vendor == "sqlite":  # without regular expressions: most names are shorter as a whole
        is_long = f"LENGTH(search_text) > {LONGEST}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT full_name, email, whatsapp_id, id FROM {table} WHERE {is_long}")  # noqa: S608
        for *texts, pk in cursor.fetchall():
            cursor.execute(f"UPDATE {table} SET search_text = %s WHERE id = %s", [search_text(*texts), pk])  # noqa: S608


def build(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    drop(apps, schema_editor)  # one that an interrupted run has left cannot be used
    schema_editor.execute(
        f"CREATE INDEX CONCURRENTLY {NAME} ON broadcasts_contact USING gin ({words_vector('search_text')})"
    )
    schema_editor.execute("ANALYZE broadcasts_contact")  # of the words there are no statistics yet


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("broadcasts", "0038_room_for_updates")]

    operations = [
        migrations.RunPython(cut, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(build, drop),
    ]
