"""Words that a shop waits for: the whole message, whatever its capitals, accents or courtesy."""

from whatsapp_notify.domain import replies

#: A longer message is a letter, not a keyword.
MAX_LENGTH = replies.MAX_LENGTH


def key(text: str) -> str:
    """This will reduce a message to what is compared; empty for what is no phrase.

    "Palautus, kiitos!" and "palautus" have the same key; so have "ＯＰＥＮ" and "open".
    """
    return " ".join(replies.bare_words(text))


def keys(phrases: str) -> frozenset[str]:
    """This will return the keys of phrases, one a line."""
    return frozenset(filter(None, map(key, phrases.splitlines())))


def by_key(phrases: str) -> dict[str, str]:
    """This will return the phrases of a list, one a line, as they are written, by their keys."""
    return {key(line): line.strip() for line in phrases.splitlines()}


def is_courtesy(text: str) -> bool:
    """This will tell whether a message says no more than "thanks", "ok" or an emoji."""
    return not text.strip() or (
        len(text) <= MAX_LENGTH and all(word in _COURTESIES for word in replies.words(text))
    )


def is_greeting(text: str) -> bool:
    """This will tell whether a message is a mere hello."""
    return key(text) in _GREETINGS


_AGREEMENTS = "ok okay okei oki kk joo juu selvä ja okej bra да хорошо ок ага понятно great super"
_COURTESIES = frozenset(
    word for each in (*replies.COURTESIES, _AGREEMENTS) for word in replies.words(each)
)
_GREETINGS = keys(
    "hi\nhello\nhey\nhi there\nhello there\ngood morning\ngood day\ngood afternoon\ngood evening\n"
    "hei\nmoi\nmoikka\nterve\nhuomenta\nhyvää huomenta\nhyvää päivää\npäivää\nhyvää iltaa\n"
    "hej\nhejsan\ngod morgon\ngod dag\ngod kväll\n"
    "привет\nздравствуйте\nдобрый день\nдоброе утро\nдобрый вечер"
)
