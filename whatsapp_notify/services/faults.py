"""Faults in words that are safe to log and to store."""

import traceback


def trace(err: BaseException) -> str:
    """This will tell the class of a fault and where it came from.

    Its own words are left out: those of databases and of shops may quote a phone number.
    """
    frames = [_frame(each) for each in traceback.extract_tb(err.__traceback__)]
    return "".join([*frames, printable(type(err).__qualname__)])


def printable(text: str) -> str:
    r"""This will escape what could break out of a line of a log: "a\n" becomes "a\\n".

    Also escape sequences of terminals, and separators that some readers of logs take for ends
    of lines.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _frame(frame: traceback.FrameSummary) -> str:
    where = f'  File "{printable(frame.filename)}", line {frame.lineno}'
    code = f"    {printable(frame.line)}\n" if frame.line else ""
    return f"{where}, in {printable(frame.name)}\n{code}"
