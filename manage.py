#!/usr/bin/env python
import os
import sys

from config.folder import restrict_new_files


def main() -> None:
    restrict_new_files()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a setting that is wrong: its name says more than where it was read
        sys.exit(str(error))


if __name__ == "__main__":
    main()
