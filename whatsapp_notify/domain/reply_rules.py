"""What customers mean about our messages, as rules over ``reply_sentences``."""

from whatsapp_notify.domain.reply_sentences import Rule

_WHEN_OR_OTHER = ("WHEN", "OTHER")

#: They ask for an end.
OUT = (
    Rule(
        "end subscription",
        (
            "END tilaus|tilaukseni|tilauksen MSG|AD",
            "END subscription|подписку|prenumerationen|prenumeration MSG|AD|LIST",
        ),
        _WHEN_OR_OTHER,
        "NOT",
    ),
    Rule(
        "stop sending",
        (
            "STOP SEND",
            "STOP +höra",
            "POLITE_QUESTION STOP +$",
            "WISH STOP|avsluta +$",
            "make THIS +stop",
            "STOP|DONT USE NUMBER",
            "STOP|DONT NUMBER USE",
            "jättäkää|jätä lähettämättä|laittamatta",
            "låt +bli SEND",
            "чтобы перестали SEND|MSG|AD",
            "WISH att|että|чтобы MSG|AD|THIS ENDS",
            "att +ni +slutar SEND|MSG|AD",
            "WISH THIS|MSG|AD to stop",
            "WISH att|että STOP SEND|MSG|AD",
            "STOP +THIS +$",
            "^ +STOP ALL +$",
            "END +SEND",
            "refrain SEND",
            "olla +lähettämättä|laittamatta|kirjoittamatta",
            "knock +it +off",
        ),
        _WHEN_OR_OTHER,
        "NOT",
    ),
    Rule(
        "stop messages",
        (
            "STOP|END MSG|AD",
            "MSG|AD +LOPPU",
            "HOW STOP|END THIS",
            "HOW THIS|MSG|AD LOPPU|pois",
            "HOW saa THIS|MSG|AD pois",
            "MSG|AD|SEND voi|voitte|saa|saisi LOPPU",
            "stop +THIS +already|now|please",
            "MSG|AD +seis|poikki|loppu|loppukoot|стоп|stopp",
            "turn|switch +off MSG|AD",
            "säg|säga +upp MSG|AD",
            "STOP +getting|receiving|recieving|saamasta|få|получать MSG|AD|THIS",
            "done|fed|sick with|up|of MSG|AD",
            "had +enough MSG|AD|THIS",
        ),
        (*_WHEN_OR_OTHER, "CAME", "CODE"),
        "NOT",
    ),
    Rule(
        "said stop", ("said +stop", "^ +STOP NEVER SIGNED", "^ +stop +i|we"), _WHEN_OR_OTHER, "NOT"
    ),
    Rule(
        "no need to send",
        (
            "no +need +to +SEND ME|MSG|AD",
            "no +need +for MSG|AD",
            "ei +tarvitse|tarvii|tarvi SEND",
            "turha +SEND",
            "не +смейте SEND",
        ),
        (*_WHEN_OR_OTHER, "ORDER", "TIME", "CHANNEL"),
    ),
    Rule(
        "do not send",
        (
            "DONT +SEND ME|MSG|AD|MORE|NUMBER|ALL",
            "DONT +ever|enaa|enää|больше|mer +SEND",
            "DONT MORE SEND",
            "DONT MSG|AD SEND",
            "DONT +SEND +$",
            "DONT ME SEND",
            "больше +не +SEND",
            "DONT ottako yhteyttä",
            # Swedish refuses after the verb.
            "skicka|skriv|kontakta|höra|messa|maila|smsa DONT MSG|AD|MORE|ME|NUMBER",
            "skicka|skriv|kontakta|messa|maila|smsa|stör|spamma|hör ME|här DONT MORE|MSG|AD",
            "kontakta|smsa|stör|spamma ME DONT +$",
            "kontakta|smsa|stör|spamma +inte +$",
            "hör +inte +av",
            "ei +enää +tänne",
            "^ +DONT +enää +$",
        ),
        (*_WHEN_OR_OTHER, "TIME", "CHANNEL"),
    ),
    Rule(
        "do not want messages",
        (
            "NOT WANT MSG|AD",
            "NOT WANT RECEIVE|have|see|hear|kuulla|höra|ha MSG|AD|THIS|MORE|ALL",
            "NOT WANT MORE|THIS THIS|MORE",
            "NOT WANT SEND",
            "NOT WANT bli kontaktad",
            "NOT WANT be contacted",
            "NOT WANT hear",
            "NOT WANT be|olla|stå|быть LIST",
            "prefer|rather +not MSG|AD|SEND",
            "behöver +DONT SEND",
            "MSG|AD NOT +WANT",
            "NOT tilaa enää",
            "no +longer WANT|interested MSG|AD|THIS",
            "no +longer WANT RECEIVE MSG|AD|THIS",
            "no +longer WANT SEND",
            "больше +не +WANT MSG|AD|RECEIVE|THIS",
            "vill|önskar|orkar +DONT MSG|AD",
            "vill|önskar +DONT SEND|LIST",
            "NOT WANT ALL from|от|teiltä",
            "vill DONT något +från",
            "vill|önskar +DONT MORE +$",
            "NOT WANT THIS +получать",
            "NOT|NO INTERESTED MSG|AD",
            "MSG|AD NOT|NO INTERESTED",
            "emma|emmä +WANT MORE|THIS MORE|THIS|MSG|AD",
        ),
        (*_WHEN_OR_OTHER, "TIME"),
    ),
    Rule(
        "no more messages",
        (
            "NO|inte +MORE MSG|AD|THIS",
            "NO MSG|AD +MORE",
            "NO +kiitos MSG|AD",
            "NO MSG|AD +please|pls|thanks|tack|kiitos|спасибо|пожалуйста",
            "^ +NO AD|spam|roskapostia|спама|skräppost|рассылок +$",
            "NO +kiitos +MORE MSG|AD",
            "nej +tack +till MSG|AD",
            "nej +tack till MSG|AD",
            "NOMORE MSG|AD",
            "больше|хватит +NOMORE MSG|AD",
            "хватит MSG|AD",
            "не +надо MSG|AD",
        ),
        (*_WHEN_OR_OTHER, "CAME"),
    ),
    Rule(
        "remove me",
        (
            "REMOVE +ME +$",
            "REMOVE +ME OFF|LIST|MSG|AD",
            "REMOVE my|mitt|мой|minun|the NUMBER",
            "REMOVE|TAKE NUMBER OFF|LIST",
            "REMOVE +numeroni|numero|numeroa",
            "REMOVE NUMBER",
            "TAKE +ME|numeroni|my OFF LIST|MSG|AD",
            "TAKE +me +off",
            "TAKE +ME +pois|bort",
            "ta +bort ME|NUMBER",
            "ta +mig +bort",
            "TAKE off|pois|out LIST",
            "REMOVE|TAKE|bort NAME LIST",
            "TAKE my NAME +off +$",
            "poistun|eroan LIST",
            "lose|forget +my +number",
            "leave|keep ME +off LIST",
            "ME +saa REMOVE",
            "plocka|ta|stryk +bort ME|NUMBER",
            "count +me +out",
            "REMOVE +из|с|from LIST",
            "HOW ta|tar bort ME|NUMBER|MSG|AD",
            "be|bli +taken|removed|borttagen|avregistrerad|struken",
            "REMOVE yhteystietoni|tietoni MSG|AD|LIST",
            "please +remove +$",
            "ME +pois|bort LIST",
            "pois|bort +LIST",
            "LIST +pois|bort",
            "WISH|HOW poistua|eroa|erota|leave|exit|lämna|выйти|удалиться|уйти LIST|MSG|AD",
            "WISH off|out|pois|bort LIST",
        ),
        (*_WHEN_OR_OTHER, "CAME", "CHANGED"),
        "FORBID",
    ),
    Rule(
        "unsubscribe",
        (
            "UNSUB ME|NUMBER|MSG|AD|LIST",
            "UNSUB +от|from|från",
            "WISH UNSUB",
            "HOW UNSUB",
            "POLITE_QUESTION UNSUB",
            "please|pls|plz|snälla UNSUB",
            "opt +out",
            "opt +ME +out",
            "^ +UNSUB +$",
        ),
        (*_WHEN_OR_OTHER, "ORDER", "LOVE"),
        "NOT",
    ),
    Rule("withdraw consent", ("REVOKE CONSENT", "CONSENT +REVOKE"), ("OTHER",), "NOT"),
    Rule(
        "refuse messages",
        ("REFUSE MSG|AD", "запрещаю SEND|USE", "избавьте MSG|AD"),
        ("OTHER",),
        "NOT",
    ),
    Rule("leave me alone", ("LEAVE ME ALONE", "отстаньте|отстань|отвяжитесь"), ("OTHER",), "NOT"),
    Rule(
        "get rid of messages",
        ("RID MSG|AD|THIS", "bli|blir +av +med MSG|AD|THIS", "MSG|AD|THIS RID"),
        ("OTHER", "ORDER"),
    ),
)
#: They deny that they ask for an end, in words that other rules would take for one.
DENIED = Rule(
    "no end",
    (
        "NOT +WANT +to +STOP|END|UNSUB|miss|lose",
        "NOT +WANT +lopettaa|perua|poistua|menettää",
        "vill|önskar +DONT +STOP|END|UNSUB|missa",
        "NOT +WANT +прекратить|отписаться|отписываться|отказаться|отказываться|пропустить",
        "NOT +mean|tarkoita|tarkoittanut|menar|menade +that|to|että|att +you|ni|STOP|END",
        "menar|menade +inte +att +ni|STOP|END",
        # Swedish denies behind the verb.
        "STOP|END|UNSUB +inte|ej|aldrig",
        "UNSUB|stryk|radera +ME +inte|ej|aldrig +$",
    ),
)
#: A keyword behind the offers, without a comma: "no more ads STOP".
KEYWORD_BEHIND_OFFERS = Rule(
    "keyword behind offers",
    tuple(
        f"NO|NOT|DONT|NOMORE|STOP|END AD {behind}+stop|unsubscribe|lopeta|lopettakaa|sluta|стоп|"
        "прекратите|отпишите +$"
        for behind in ("", "+POLITE ")
    ),
)
#: Beside an end of offers this is an end as well; alone it may be about anything.
BESIDE_OFFERS = Rule(
    "no messages",
    ("NO MSG +$|either|heller|myöskään|тоже",),
    (*_WHEN_OR_OTHER, "CAME", "TIME", "CODE"),
)
#: Rules whose words may speak of an order as well: beside such words a person decides.
ALSO_OF_ORDERS = frozenset(
    {"stop sending", "stop messages", "do not send", "do not want messages", "no more messages",
     "no messages", "remove me"}
)  # fmt: skip

#: They ask to begin.
IN = (
    Rule(
        "sign me up",
        (
            "sign|enroll +ME +up",
            "SUBSCRIBE +ME",
            "WISH SUBSCRIBE",
            "SUBSCRIBE MSG|AD|again|back|igen|снова",
            "opt +ME +back|in",
            "opt +in",
            "anmäl +ME",
            "ADD ME LIST|MSG|AD|AGAIN",
            "ADD my|minun|mitt|мой NUMBER|name LIST|AGAIN",
            "WISH JOIN LIST",
            "WISH +be|vara +med|back|in",
            "JOIN +LIST",
            "JOIN the|your|er|med LIST",
            "liittyisin|liityn|liity LIST",
            "WISH liittyä",
            "^ +mukaan +$",
        ),
        ("OTHER", "QUEUE", "ORDER", "WHEN", "NOT", "OFF", "STOP", "END", "REMOVE", "UNSUB"),
    ),
    Rule(
        "want messages",
        (
            "WISH RECEIVE MSG|AD",
            "WISH AGAIN MSG|AD",
            "WISH MSG|AD AGAIN",
            "WISH +viestejä|viestit|tarjouksia|mainoksia|uutiskirjeen|uutiskirje|tarjoukset",
            "WISH +ha|få MSG|AD",
            "RECEIVE MSG|AD AGAIN",
            "RECEIVE AGAIN MSG|AD",
            "SEND AGAIN MSG|AD",
            "SEND MSG|AD AGAIN",
            "SEND ME AGAIN",
            "AGAIN +SEND MSG|AD",
            "START|saa|saatte|voitte SEND AGAIN|MSG|AD",
            "START|включите MSG|AD",
            "hyväksyn|suostun|согласен|согласна|godkänner MSG|AD",
            "agree RECEIVE MSG|AD",
            "saa +taas +SEND",
            "tilaan|tilaisin MSG|AD",
            "laittakaa|lähettäkää AGAIN MSG|AD",
        ),
        (
            "OTHER",
            "ORDER",
            "TIME",
            "WHEN",
            "PAUSE",
            "CAME",
            "NOT",
            "STOP",
            "END",
            "REMOVE",
            "AS_SOON",
        ),
    ),
)

#: Beside such words nobody asks to begin: see Note [Complaints] of ``understanding``.
COMPLAINT = Rule(
    "complaint",
    (
        "BLAME",
        "NO|NOT right|rätt",
        "^ +NO|NOT +$",
        "used|use|käytti|käyttänyt|använde|använt|использовал|использовали NUMBER",
        "since +when",
        "^ +sending|texting|messaging|getting|receiving",
        "^ +i|we|im +get|getting|receive|receiving|keep",
        "am|are|keep +getting|receiving",
    ),
)
#: They agree, though they are words of blame.
WHY_NOT = Rule(
    "why not",
    (
        "^ +why|miksi|miksipä|varför +not|ei|inte +$",
        "^ +почему +нет +$",
        "^ +почему +бы +и +нет +$",
    ),
)

#: Alone they ask for nothing, but something is wrong: a person asks, and offers wait.
UNCLEAR = (
    Rule(
        "asks where it comes from",
        (
            "WHY MSG|AD|THIS|SEND",
            "WHY SOURCE",
            "HOW SOURCE my|mitt|мой NUMBER",
            "mistä|hur|откуда NUMBER",
            "NUMBER +mistä|откуда",
            "^ +who|kuka|vem|кто +is|tää|tämä|on|är|это|вы|te|ni",
            "is +THIS spam|scam|fraud",
            "what|which|mikä|vilken|какой|что LIST",
            "third|fourth|kolmas|neljäs|tredje|fjärde|третье|четвертое +MSG",
            "onko|är|это THIS ANNOY",
            "это +спам|развод|мошенники",
        ),
        ("ORDER",),
    ),
    Rule(
        "too many messages",
        ("TOOMUCH MSG|AD", "TOOMUCH SEND", "SEND TOOMUCH", "MSG|AD TOOMUCH"),
        ("ORDER",),
    ),
    Rule("fewer messages", ("FEWER MSG|AD|SEND", "SEND FEWER"), ("ORDER",)),
    Rule(
        "pause",
        ("PAUSE THIS|MSG|AD|SEND", "MSG|AD|THIS PAUSE", "POLITE_QUESTION PAUSE"),
        ("ORDER",),
    ),
    Rule(
        "wrong person",
        ("WRONG +NUMBER", "ошиблись", "MISTAKE", "NOT CUSTOMER", "NEVER CUSTOMER"),
        ("ORDER",),
    ),
    Rule("not interested", ("NOT INTERESTED", "NO INTERESTED"), ("ORDER",)),
    Rule(
        "never asked",
        ("NEVER SIGNED", "NEVER sign +up", "NOT +CONSENT", "en +anna|antanut lupaa"),
        ("ORDER",),
    ),
    Rule(
        "complains of being signed up",
        (
            "BLAME ENROL ME",
            "BLAME ME ENROL",
            "ENROL +ME BLAME",
            "BLAME PUT ME LIST",
            "NO|NOT right|rätt ENROL",
        ),
        ("ORDER", "OTHER"),
    ),
    Rule("annoyed", ("ANNOY MSG|AD|THIS", "THIS|MSG|AD ANNOY", "^ +ANNOY"), ("ORDER",)),
    Rule(
        "delete my data",
        ("REMOVE my|mitt|mina|мои|мой DATA", "REMOVE DATA", "ta +bort DATA"),
        ("ORDER",),
    ),
    Rule("unsubscribe somehow", ("UNSUB",), ("OTHER", "LOVE", "ORDER"), "NOT"),
    Rule("enough", ("^ +enough|riittää|räcker|хватит|довольно|loppu +$",)),
    Rule(
        "does not want it",
        (
            "NOT WANT THIS +$",
            "vill|önskar +DONT THIS +$",
            "^ +NO|inte +MORE +$",
            "POLITE +NO +MORE +$",
            "больше +не +WANT +$",
        ),
        ("ORDER",),
    ),
    Rule(
        "angry",
        (
            "report|block +you",
            "estän +teidät",
            "blockerar +er",
            "заблокирую|пожалуюсь",
            "fuck|piss +off",
            "fuck +you",
            "haistakaa|отвалите",
            "dra +åt",
        ),
        ("ORDER",),
    ),
    Rule(
        "speaks of an end",
        ("STOP MSG|AD|LIST|SEND", "REMOVE ME|LIST|MSG|NUMBER", "NOT WANT MORE|MSG|AD"),
        ("ORDER", "OTHER", "WHEN", "CAME", "CODE", "TIME", "LOVE"),
        "NOT",
    ),
    Rule(
        "maybe stop",
        (
            "MAYBE STOP|UNSUB +$",
            "^ +STOP|END +tai|or|eller|или",
            "WHEN NOT WANT THIS|MSG|AD",
            "STOP +THIS +one",
            "going +to STOP SEND",
        ),
        ("OTHER",),
    ),
)
