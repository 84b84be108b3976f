"""Name the moment at which a worker last left a message for another one's sake `yielded_at`."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0019_inbound_address")]

    operations = [migrations.RenameField("message", "gave_way_at", "yielded_at")]
