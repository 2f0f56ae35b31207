"""Questions about a line and their typed answers, for the command line, a notebook, and whatever else asks.

A question goes to a `LineRecord`, which is open for reading, and its answer is a struct. A request that changes what is
on record goes to the settings of the line. Nothing here prints, or knows the options of a command or HTML.
"""

from inspector.answers.line_record import LineRecord, open_record

__all__ = ["LineRecord", "open_record"]
