from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0034_event_subscriptions")]

    operations = [
        migrations.AddField(
            model_name="groupcount",
            name="example",
            field=models.BigIntegerField(editable=False, null=True),
        ),
    ]
