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
    drop(apps, schema_editor)  # one that an interrupted run has left on PostgreSQL cannot be used
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"CREATE INDEX CONCURRENTLY {NAME} ON broadcasts_contact USING gin ({words_vector('search_text')})"
        )
        schema_editor.execute("ANALYZE broadcasts_contact")  # of the words there are no statistics yet
    else:
        # Read whole by each search, which takes a quarter of the time of reading the table.
        schema_editor.execute(f"CREATE INDEX {NAME} ON broadcasts_contact (organization_id, search_text)")


def drop(apps: Any, schema_editor: Any) -> None:
    beside = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP INDEX {beside} IF EXISTS {NAME}")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("broadcasts", "0037_composing")]

    operations = [
        migrations.RunPython(cut, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(build, drop),
    ]
