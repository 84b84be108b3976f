"""How much one contact, one organization and one file may hold, so that none of them fills a memory or a disk."""

CONTACT_ATTRIBUTES = 100  # of one contact
ATTRIBUTE_LENGTH = 5_000  # characters of one value, a list counted as JSON
ATTRIBUTES_LENGTH = 50_000  # characters of all values of one contact together
ORGANIZATION_ATTRIBUTES = 250  # registered; an export has a column for each, and must fit into a file
FILE_COLUMNS = 300  # of a CSV file, and fields of one line of JSON
ROW_PROBLEMS = 20  # reported per row; a short row with many wrong cells must not make a long list
