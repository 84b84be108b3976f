from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0033_tracking")]

    operations = [
        migrations.AddField(
            model_name="groupcount",
            name="example",
            field=models.BigIntegerField(editable=False, null=True),
        ),
    ]
