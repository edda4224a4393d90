"""The error family of Bayan.

Every message says what happened with the value in quotes, what is allowed, and the command that mends it. Library code raises these;
the edges (command line, chat, API) turn them into one line, a sentence or a problem object, once.
"""


class BayanError(Exception):
    """Something went wrong that the user can mend; `str(error)` says how."""


class QuestionError(BayanError):
    """The question cannot be searched: empty, too long, or in a language Bayan does not answer."""


class HistoryError(QuestionError):
    """The conversation before a question is too long to be read."""


class AnswerTimeout(BayanError):
    """An answer took longer than it may."""


class FilterError(QuestionError):
    """A filter that cannot be read, or that no statement passes."""


class SettingsError(BayanError):
    """A setting has a value, or a name, that Bayan does not know."""


class IndexMissing(BayanError):
    """There is no index at the given place."""


class IndexMismatch(BayanError):
    """The index was made with another model or another text processing."""


class IndexBusy(BayanError):
    """Another process is writing to the index."""


class IndexUnusable(BayanError):
    """The index cannot be read or written: permissions, disk space, damage, or a store that does not answer."""


class BackupError(BayanError):
    """A backup cannot be written, or what was given is none that can be restored."""


class ModelError(BayanError):
    """Model weights are missing, wrong or cannot be fetched."""


class SourceError(BayanError):
    """A source cannot be read as a statement."""


class UnknownStatement(BayanError):
    """No statement in the index has this id."""
