"""The words of which sentences about stopping and starting are made, in four languages.

A line a language: Finnish, Swedish, Russian, English. ``*`` at the end of a word stands for
any ending. Accents and doubled letters do not count: see ``reply_sentences``.
"""

from collections.abc import Mapping
from types import MappingProxyType

CLASSES: Mapping[str, str] = MappingProxyType(
    {
        # What is to end.
        "STOP": """
            lopeta lopettaa lopettakaa lopetan lopetatte lopetetaan lopettaisi* lopettamaan
            lopettaneet lakatkaa lakkaa
            lakata lakkaisi* seis riittää
            sluta stopp stoppa upphör upphöra
            стоп прекратите прекратить прекрати прекращайте прикратите прикратить перестаньте
            перестань перестать пристаньте перистаньте хватит довольно завязывайте завязывай
            кончайте заканчивайте остановите остановить
            stop stoping stopping quit quitting cease ceasing halt desist""",
        "END": """
            peru perua perun peruuta peruutan peruuttaa peruuttakaa perukaa perukaas päättäkää
            päättää katkaiskaa katkaista estä estäkää estän
            avsluta avslutar avbryt stäng stänga stoppa
            отмените отменить отменяйте отмени отмена отключите отключить отключи отключайте
            выключите выключить выключи заблокирую уберите убрать
            end cancel terminate discontinue deactivate disable mute block""",
        "LOPPU": "loppumaan lopettaa loppuisi* poistettua poikki прекратить stoppade",
        "ENDS": """
            loppuu loppuvat loppuisi loppuisivat slutar upphör прекратилось прекратились stops""",
        "SEND": """
            lähettä* lähetä lähetel* lähettel* laittaa laita laittako laittakaa laittamasta
            laittami* laittelu* viestittel* viestittä* kirjoitta* kirjoitel* kirjoita häiri* spämm*
            spamma* yhteydenot* yhteyttä pommitta* tekstata tekstailu* vaiva* vaivatko
            skicka skickar skickas skickandet skriva skriv skriver kontakta kontaktar kontaktad
            kontaktas höra hör messa smsa spamma spammar störa stör maila mejla
            писать пишите пиши пишете присылать присылайте присылай пришлите присылали слать
            шлите шли посылать посылайте отправлять отправляйте отправляй спамить спамьте спамте
            беспокоить беспокойте беспокой рассылать рассылайте тревожьте приставать надоедать
            надоедайте донимать дёргайте
            send sending text texting message messaging msg msging write writing contact
            contacting contacted spam spamming bother bothering bugging bombard* harass harassing
            email
            emailing whatsapp whatsapping disturb disturbing pester pestering""",
        "CAME": """
            tullut tullu tuli tulleet saanut saanu saapunut
            kommit kom fått fick
            пришло пришел пришла пришли приходило приходили приходят было получил получила
            получал получала получали
            came come arrived arrive received got""",
        # What is sent.
        "MSG": """
            viest* tekstar* tekstivies* ilmoituks* spämm* roskapost* postituks* muistutuks*
            meddeland* medelande* sms* notis* utskick* skräppost* påminnels*
            сообщени* сообшени* смс* уведомлени* увидомлени* рассыл* письма писем спам спама
            напоминани*
            message* mesage* msg* text texts sms* whatsapps whatsapp spam notification* mailing*
            reminder*
            communication* updates""",
        "AD": """
            mainos* mainok* tarjou* markkinoi* uutiskir* kampanj*
            reklam* erbjudand* nyhetsbrev* marknadsför*
            реклам* маркетинг* акци* предложени* промо* новост*
            ad ads advert* offer offers promo* marketing deals newsletter* campaign*""",
        # Before a message these say what it holds: "promotional messages".
        "PROMOTIONAL": """
            mainos markkinointi tarjous kampanja
            reklam marknadsförings
            рекламн* маркетингов* промо
            promotional promotion promotions promo marketing advertising advertisement ad offer""",
        # Who wants this once more has lost it: "could you send the message again".
        "ONE_MSG": """
            viestin tekstiviestin tekstarin ilmoituksen tarjouksen
            meddelandet medelandet smset erbjudandet offerten
            сообщение смску уведомление предложение
            message msg notification offer""",
        # Beside offers these are no other messages: "no ads or spam".
        "JUNK": "spämm* roskapost* skräppost* спам спама спамом spam",
        # Between a message and what it is about, and before that.
        "ABOUT": "koskien om про о об с со about with regarding",
        "DETERMINER": """
            näitä nämä teidän era ert dessa de ваши вашу вашей эти этой
            your any these those the of more such""",
        "EACH": "kaikki kaikkia alla все all",
        "ALL": "mitään kaikki kaikkia allt alla något все всё ничего all everything anything",
        "THIS": """
            näitä nää näit nämä näiden näistä noita tätä tää tämä tällaisia
            det detta denna dessa de dem här sånt sådant sådana sån
            это этого эти этих этим их такое
            this these those them it stuff""",
        # What was named before: "stop sending them".
        "POINTS_BACK": """
            niitä niistä niiden niitten ne näitä näit nää nämä näistä noita sitä
            dem dom de dessa den det
            их эти этих этим её его
            them these those they it""",
        # Between two parts of a clause.
        "AND": "ja sekä och samt и and",
        "OR": "tai eikä eller или ни or nor",
        "BUT": "mutta men но but",
        "MORE": """
            enää enaa enempää enemp* lisää jatkossa koskaan ikinä
            mer mera fler flera längre igen någonsin
            больше более впредь никогда
            more anymore further longer again ever""",
        "ME": """
            mulle mul minulle mua minua minut mut meille meitä tänne itseni
            mig mej oss hit
            мне меня нам нас мной сюда
            me us""",
        "NUMBER": """
            numero* numer* nummer puhelinnumer* puhelimest* telefonnum* mobilnum*
            номер* телефон number* phone""",
        "LIST": """
            lista* list* postituslist* jakelu* rekister* tietokan* ryhmä*
            register* sändlist* mejllist* maillist* utskickslist* gruppen
            список списка списке списков базы базе база рассыл* группы
            database system records contacts group""",
        # What is to be done.
        "REMOVE": """
            poista poistakaa poistaa poistais* poistetaan poistamaan poistamista
            stryk radera plocka
            удалите удалить удали уберите убери убрать исключите исключить исключи вычеркните
            выпишите выкиньте снимите сотрите стереть убрать
            remove removed removing delete deleted deleting erase drop strike exclude""",
        "TAKE": "ottakaa ota ottaa ottaisi* ta tar få pääse* päästä poistu* eroa* hoppa take get",
        "OFF": "pois irti bort ur från от из отсюда off of out from",
        "UNSUB": """
            avregistr* avprenum* avanmäl*
            отписаться отписатся отписать отписки отписка отпишите отпиши отпишись отпишитесь
            отпишете атпишите атписаться отписываюсь
            unsub* unsuscri*""",
        "CONSENT": "suostumu* lupani luvan samtyck* соглас* разрешени* consent permission",
        "REVOKE": """
            peru* peruu* kumoan poistan vedän
            återkall* drar tar
            отзываю отозвать отозвал отозвала отзовите отменяю забираю аннулир*
            withdraw* revoke revoking""",
        "REFUSE": """
            kieltäyd* kiellän kielletään kieltäisin vastustan
            avböjer avsäger tackar undanber
            отказываюсь отказаться откажусь отказываемся запрещаю против
            refuse decline object""",
        # Refusing and wishing.
        "DONT": "älä älkää alka ala inte ej aldrig inga inget не dont never not",
        "FORBID": "älä älkää alka не not dont",
        "NOT": """
            en ei emme et ette eivät älä älkää alka emmä em enkä eikä
            inte ej aldrig ingen
            не никогда нельзя
            not dont doesnt didnt cant cannot couldnt wont wouldnt never""",
        "WANT": """
            halua haluu haluta haluaisi haluis tahdo tahtoisi tarvi tarvii tarvitse kaipaa kaipaisi
            jaksa toivo haluamme
            vill vil önskar behöver orkar ids
            хочу хочется хотим хотел хотела желаю желаем нужны нужно нужна нужен надо интересуют
            интересует
            want wish wanna need care""",
        "WISH": """
            haluan haluun haluaisin haluisin tahdon tahtoisin toivon pyydän
            vill önskar skulle
            хочу хотел хотела хотелось желаю прошу
            want wish wanna would id like""",
        "RECEIVE": """
            vastaanot* saada saa saatava nähdä
            ha få mottaga motta
            получать получить видеть читать
            receive recieve recive receiving get geting""",
        "NOMORE": "никаких никакой никакие никакое nomore",
        "NO": "ei inga ingen inget нет без no",
        "HOW": "kuinka miten mitenkä mistä hur как где how where",
        "WHEN": "milloin jos när когда если when if whether",
        "WHY": "miksi mikä mistä varför почему зачем why",
        "ALONE": "rauhaan rauhassa ifred fred покое впокое покои alone peace",
        "LEAVE": "jättäkää jätä antakaa lämna låt låta оставьте оставте оставь leave let",
        "RID": "eroon slippa slipper избавиться rid",
        "POLITE_QUESTION": """
            voisitte* voisitko voisko voitte* voitko voiko voisi saisko saisiko saako voinko
            kan kunde går skulle
            можно можете могли можешь
            can could would will""",
        # What it is about instead.
        "ORDER": """
            tilau* tilasin paket* lähetys lähetykse* toimitu* kuljet* tuote tuott* palautu* lasku*
            kuit* koko koon väri osoit* nouto noudo* postilla sivu*
            beställn* order* leverans* faktur* retur* storlek varan varor köp köpet adress
            adressen hämtn* avhämtn* posten köpa
            заказ* посылк* посылок доставк* товар* возврат* счет счета чек размер* оплат* курьер*
            адрес* покупк* почтой почту
            order orders ordered parcel* package* shipment* shipping deliver* courier* driver item
            items product products refund* return* invoice* receipt* payment* size bill bills
            adress* bus""",
        "OTHER": """
            mies mieh* vaimo* äiti äidi* isä isäl* sisko* veli veljel* ystävä ystäväni ystävälle*
            ystävän kaveri* poika
            pojal* tytär tytöl* naapur*
            fru sambo mamma mammas pappa syster bror kompis granne son dotter
            мужу муж мужа жене жена жену маме мама маму папе папа сестре сестра брату брат другу
            друг подруге подруга сыну дочери
            husband wife sister brother mother father mom mum dad friend son daughter neighbour
            neighbor boss""",
        "POLITE": """
            kiitos kiitti heti jo nyt tack nu genast snälla пожалуйста спасибо сейчас
            please pls plz thanks thank you thx now ty already""",
        "CHANNEL": """
            postilla sähköposti* puhelimitse soittamalla mejl* telefon* posten почтой телефону
            post mail email phone""",
        "TIME": """
            vielä ennen asti ennenkuin perjanta* maananta* huomen*
            före förrän innan fredag* måndag* imorgon
            до пока завтра пятниц* понедельник* раньше
            yet before until friday monday tomorrow""",
        "WISHED_BACK": """
            eiku odota odotas siis sittenkään anteeksi
            vänta förlåt menar skojar
            подождите ой хотя извините шучу погодите постойте
            wait actually sorry oops joking kidding""",
        "MAYBE": "ehkä pitäisi* pitäis* kanske borde может maybe perhaps should one",
        "LOVE": """
            rakastan ihan* parhai* paras söpö* tykkään
            älskar söt* bäst* toppen gillar
            люблю обожаю нравится нравятся милота
            love loved awesome amazing cute best""",
        # Reasons which alone are for a person.
        "TOOMUCH": """
            liikaa liian turhan usein jatkuvasti
            ofta många
            часто много каждый постоянно
            many much often frequent* constantly""",
        "FEWER": """
            vähemmän harvemmin färre mindre sällan mera пореже реже поменьше меньше fewer less""",
        "PAUSE": """
            tauko tauolla tauolle taukoa keskeyt* pausa pausas paus
            приостановить приостановите паузу пауза pause pausing snooze""",
        "WRONG": "väärä väärään väärin fel ошиблись ошибочн* неверный неправильный wrong",
        "MISTAKE": "vahingossa erehdy* misstag ошибке mistake error",
        "INTERESTED": """
            kiinnosta kiinnostu* intresserad intresse* интересно интересует интересны
            interested""",
        "SIGNED": """
            tilannut tilannu liittynyt pyytänyt antanut
            anmält beställt bett prenumererat
            подписывался подписывалась подписывались подписывала просил просила заказывал
            заказывала давал давала
            signed subscribed asked agreed""",
        "NEVER": "ole oo olen koskaan aldrig inte не никогда never didnt not havent",
        "ANNOY": """
            ärsyttä* häirintä* huijaus* raivostutta*
            jobbig* störande irriterande bluff* bedrägeri* trött
            достали достал надоели надоело надоел задолбали заколебали бесит бесите мошенник*
            развод раздража* спам
            annoying annoyed iritating harassment spam scam fraud""",
        "DATA": """
            tietoni tiedot tietojani tilini tili profiili* konto kontot uppgifter uppgifterna
            данные аккаунт профиль data account profile details information info""",
        "CUSTOMER": "asiakas asiakkaa* asioi kund клиент customer client",
        "SOURCE": "saanut saaneet saitte fått fick får взяли взялся у get got getting",
        # Beginning again.
        "START": """
            aloita aloittakaa aloittaa jatka jatkakaa jatkaa
            starta börja återuppta fortsätt
            возобновите возобновить начните начинайте начать продолжайте
            start begin resume""",
        "AGAIN": """
            taas uudelleen uudestaan takaisin jälleen sittenkin vaan
            igen tillbaka åter ändå gärna
            снова опять обратно заново вновь
            again back""",
        "SUBSCRIBE": """
            prenumerera prenumererar подписаться подписатся подпишите подпиши подпишусь
            subscribe resubscribe""",
        # Words of who complains that somebody signed them up.
        "BLAME": """
            miksi kuka ketkä kenen kukaan käski käskenyt pyysi pyytänyt pyysin kysymättä kysynyt
            kysyitte luvatta lupaa luvan laiton* oikeutta koskaan ikinä ilman valita* poliisi*
            huijau* roskapost* spämm* vahingossa sanoi sanonut suostumusta
            varför vem ingen bett bad sagt sade olaglig* utan frågat fråga frågade lov
            tillstånd tillåtelse skräppost* aldrig polis* polisanmäl* lurade bluff* bedrägeri*
            samtycke misstag
            зачем почему кто кем кого никто просил* сказал* говорил* разреш* позволил* права право
            незакон* закон* спроса спрос* спам* никогда мошенн* жалоб* жалова*
            пожалуюсь пожаловаться полици* суд прокурат* стати ошибке согласия
            why who whom whoever nobody noone somebody someone told tell ask asked asking said
            permission consent illegal* unlawful* law legal* spam* scam* fraud* never ex dare dared
            forced without police lawyer court sue report complain* gdpr mistake accident*
            mistakenly wrong""",
        "ENROL": """
            liititte liittää liittänyt liitit liitti tilasitte
            anmäl* prenumerer* registrera registrerade
            подпис*
            sign signed signing signup subscrib* resubscrib* enrol*""",
        "PUT": """
            lisätä lisäsitte lisäsi lisännyt laitoitte laittaa panitte
            sätta satte satt lägga lade lagt skriva skrev
            добав* внес* включ*
            add added adding put putting""",
        # That they are sent, told as a fact.
        "TELLS": """
            lähetät lähetätte lähettelette laitat laitatte kirjoitatte
            skickar skriver kontaktar spammar
            присылаете шлёте пишете отправляете рассылаете""",
        # Before "sign me up" these leave a wish what it is.
        "ASKING": """
            hei moi terve joo kyllä ok okei minä mä me nyt sitten ja että mieluusti mielellään
            muutin mieleni olen saa saatte saako voisin voisinko saisin saisinko
            päivää huomenta iltaa haluun
            hej hejsan ja jo jag vi nu då och att gärna ändrade ändrat ångrat mig har
            да привет здравствуйте добрый день вечер я мы бы и теперь тоже передумал передумала мне
            hi hello hey yes yeah yep ok okay i im we to do just now so and then am my changed
            mind love happy glad sure great may lets""",
        "YOU": "te ni вы ты you",
        "ADD": """
            lisätkää lisää lisätä liittäkää liitä ottakaa ota lägg sätt skriv
            добавьте добавить включите внесите верните вернуть запишите add put include""",
        "JOIN": """
            liity liityn liittyä liittyisin gå vara вступить присоединиться join""",
        "USE": """
            käyttö käyttäkö käyttämä* käyttää använda använd использовать используйте using use""",
        "CHANGED": "vanha vanhan uusi uuden gammal gamla ny nya старый новый old new",
        "NAME": "nimeni nimi namn имя name",
        "AS_SOON": "kun jahka once",
        "CODE": """
            koodi* alennu* rabatt* kod koden скидк* промокод* код discount* code codes coupon*""",
        "QUEUE": "jono* waiting waitlist kö очередь price priset talko* dinner alennuk*",
    }
)
