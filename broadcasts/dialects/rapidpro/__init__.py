"""The API of RapidPro and TextIt, version 2: broadcasts, contacts, groups, media, messages and the workspace."""
