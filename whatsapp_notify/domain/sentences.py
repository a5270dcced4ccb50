"""Sentences as people read them."""


def with_one_stop(sentence: str) -> str:
    """This will leave one full stop after "a.m." and "p.m.", which bring their own."""
    return sentence.replace(".m..", ".m.")
