"""Let one worker at a time send the answers of a channel, and count those of an hour."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0024_fallback"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="answering_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="autoreply",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False), ("sent_at__isnull", False), _connector="OR"),
                fields=["channel", "created"],
                name="answer_hour",
            ),
        ),
    ]
