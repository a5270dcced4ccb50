"""The words around scores, in Finnish, Swedish, Russian and English; all in lower case."""


def _set_of_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split()) for line in text.strip().splitlines())


#: Names of grades: they mean a score wherever they stand.
GRADES = {
    # fi
    "ykkönen": 1,
    "kakkonen": 2,
    "kolmonen": 3,
    "nelonen": 4,
    "vitonen": 5,
    "vitosen": 5,
    "kutonen": 6,
    "seiska": 7,
    "kasi": 8,
    "ysi": 9,
    "ysin": 9,
    "kymppi": 10,
    "kympin": 10,
    "kymppiä": 10,
    # sv
    "etta": 1,
    "tvåa": 2,
    "trea": 3,
    "fyra": 4,
    "femma": 5,
    "sexa": 6,
    "sjua": 7,
    "åtta": 8,
    "nia": 9,
    "tia": 10,
    # ru
    "единица": 1,
    "двойка": 2,
    "тройка": 3,
    "четвёрка": 4,
    "четверка": 4,
    "пятёрка": 5,
    "пятерка": 5,
    "шестёрка": 6,
    "шестерка": 6,
    "семёрка": 7,
    "семерка": 7,
    "восьмёрка": 8,
    "восьмерка": 8,
    "девятка": 9,
    "десятка": 10,
}

#: Numerals: they count other things as well ("kaksi pakettia"), so their place decides.
NUMERALS = {
    # en
    "zero": 0,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    # fi
    "nolla": 0,
    "kaksi": 2,
    "kolme": 3,
    "neljä": 4,
    "viisi": 5,
    "kuusi": 6,
    "seitsemän": 7,
    "kahdeksan": 8,
    "yhdeksän": 9,
    "kymmenen": 10,
    # sv
    "noll": 0,
    "två": 2,
    "tre": 3,
    "fem": 5,
    "sex": 6,
    "sju": 7,
    "nio": 9,
    "tio": 10,
    # ru
    "ноль": 0,
    "два": 2,
    "три": 3,
    "четыре": 4,
    "пять": 5,
    "шесть": 6,
    "семь": 7,
    "восемь": 8,
    "девять": 9,
    "десять": 10,
}

#: One is an article or a pronoun too: a score only where nothing else is said.
ONES = {"one": 1, "yksi": 1, "ett": 1, "en": 1, "один": 1, "одна": 1}

#: A number before one of these counts or prices something else.
UNITS = _set_of_words(
    """
    % € $ £ ₽ e eur euro euros euroa euron евро рублей kr kronor sek usd руб рублей рубля р
    kg g cm mm m km l kpl pcs pieces items st stycken шт штук
    min minutes hour hours h day days week weeks month months year years am pm
    minuuttia tunti tuntia tunnissa päivä päivää päivän päivässä
    viikko viikkoa viikon viikossa kuukautta vuotta
    minuter timme timmar dag dagar vecka veckor månad månader år
    минут минуты час часа часов день дня дней неделя недели недель месяца месяцев года лет
    of av из out
    размер размера размеру размером
    o'clock oclock tiden
    tuotetta pakettia kappaletta kertaa products parcels packages times
    varor paket produkter gånger товара товаров раз раза посылки посылок
    january february march april may june july august september october november december
    januari februari mars maj juni juli augusti oktober
    января февраля марта апреля мая июня июля августа сентября октября ноября декабря
    """
)
#: A number after one of these is a label or a time.
LABELS = _set_of_words(
    """
    # № $ € £ no nr nro n:o order orders tilaus tilausnumero
    tilauksen ordernummer beställning заказ заказа invoice lasku faktura счёт
    klo kello kellon kl klockan vid at past by before after until page sivu
    ennen jälkeen viimeistään puoli före efter halv
    в во к с до после около
    size koko koon kokoa koossa koosta storlek размер version versio versionen версия модель
    """
)
#: Words which are a label together: alone they end many a comment.
LABEL_PAIRS = _phrases(
    """
    bus stop
    slutar jobba
    """
)
#: Chunks that say nothing: thanks, and what is punctuation or emoji alone.
SILENT = _set_of_words("kiitos kiitti thanks thank you thx tack спасибо") | {""}

#: After a number these make it a half more, so that it is none of the scores.
HALVES = _phrases(
    """
    ja puoli
    ja puolikas
    och en halv
    och halv
    och ett halvt
    and a half
    and half
    с половиной
    и половина
    """
)
#: "Nine out of ten": what stands between, and the ten.
OUT_OF = ("out of", "of", "av", "из")
#: Ten as the end of a scale, also where Finnish puts "out of" into the word itself.
TENS = ("ten", "tio", "десяти")
OUT_OF_TEN = ("kymmenestä", "kympistä")
#: "Two out of three": other ends than that of a scale, in Finnish.
OUT_OF_FEW = _set_of_words(
    """
    kahdesta kolmesta neljästä viidestä kuudesta seitsemästä kahdeksasta yhdeksästä
    """
)
