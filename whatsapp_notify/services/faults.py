"""Faults in words that are safe to log and to store."""

import traceback


def trace(err: BaseException) -> str:
    """This will tell the class of a fault and where it came from.

    Its own words are left out: those of databases and of shops may quote a phone number.
    """
    frames = "".join(traceback.format_tb(err.__traceback__))
    return f"{frames}{type(err).__qualname__}"
