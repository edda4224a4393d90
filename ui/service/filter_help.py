"""What each filter does, in the words of the command line and of the doors for programs."""

ISSUER = "Only statements of this issuer"
SINCE, UNTIL = "Only statements of this day (2031-05-17), month or year and later", "Only statements of this day, month or year and earlier"
LANGUAGE = "Only passages in this language"
SOURCE = "Only statements from this path or address, from the folder or site, or of this file's or folder's name"
STATEMENT = "Only the statement with this id"
