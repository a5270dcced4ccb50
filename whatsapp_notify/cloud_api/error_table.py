"""Graph's error codes as data.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/
error-codes, read 2026-11. The actions are ours.
"""

from dataclasses import dataclass

from whatsapp_notify.domain.receipts import Action


def _(text: str) -> str:
    """This will mark a text for makemessages; whoever shows it translates it by itself."""
    return text


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One code, or the codes from ``code`` to ``last_code``."""

    code: int
    action: Action
    meaning: str
    remedy: str
    #: The code by itself proves that the message was not taken, even with HTTP 5xx.
    is_definite: bool = True
    last_code: int | None = None

    def has(self, code: int) -> bool:
        """This will tell whether the rule speaks of this code."""
        return self.code <= code <= (self.last_code or self.code)


_NEW_TOKEN = _("Create a new system user token and put it into the settings.")
_GRANT = _(
    "Give the system user access to the business account, and the token both "
    "whatsapp_business_messaging and whatsapp_business_management."
)
_WAIT = _("Nothing to do: the message is sent again later.")
_SLOWER = _("Nothing to do: sending goes on more slowly.")
_ACCOUNT = _("Open the account quality page in WhatsApp Manager and follow what it asks for.")
_PROGRAM = _("This is a fault of the program or its settings; report it with the trace id.")
_RESYNC = _("Synchronise the templates and compare the automation's values with them.")
_REGISTER = _("Register the number again with its PIN.")
_CONTENT = _("Change the words or values of this message.")
_NONE = _("Nothing to do.")

RULES: tuple[ErrorRule, ...] = (
    # --- access -------------------------------------------------------------------------
    ErrorRule(0, Action.STOP_SENDER, _("The access token is not valid."), _NEW_TOKEN),
    ErrorRule(190, Action.STOP_SENDER, _("The access token has expired."), _NEW_TOKEN),
    ErrorRule(3, Action.STOP_SENDER, _("The app lacks a capability or permission."), _GRANT),
    ErrorRule(10, Action.STOP_SENDER, _("Permission denied."), _GRANT),
    ErrorRule(
        200, Action.STOP_SENDER, _("A permission is missing or was removed."), _GRANT, last_code=299
    ),
    ErrorRule(131005, Action.STOP_SENDER, _("Access denied."), _GRANT),
    ErrorRule(
        33,
        Action.STOP_SENDER,
        _("The phone number id is wrong, or the number was deleted."),
        _("Put the id of an existing number into the settings."),
    ),
    # --- faults that pass ---------------------------------------------------------------
    ErrorRule(
        1, Action.RETRY, _("Invalid request, or a fault at WhatsApp."), _WAIT, is_definite=False
    ),
    ErrorRule(2, Action.RETRY, _("The service is down or overloaded."), _WAIT, is_definite=False),
    ErrorRule(
        131000, Action.RETRY, _("Something went wrong at WhatsApp."), _WAIT, is_definite=False
    ),
    ErrorRule(131016, Action.RETRY, _("The service is not available."), _WAIT, is_definite=False),
    ErrorRule(131057, Action.RETRY, _("The account is in maintenance."), _WAIT),
    ErrorRule(133004, Action.RETRY, _("The registration server is busy."), _WAIT),
    ErrorRule(134101, Action.RETRY, _("The template is still being prepared."), _WAIT),
    ErrorRule(
        131053,
        Action.RETRY,
        _("The picture, video or document could not be uploaded."),
        _("Check type and size of the file, and that its address answers with the file itself."),
    ),
    # --- limits -------------------------------------------------------------------------
    ErrorRule(4, Action.SLOW_DOWN, _("The app has made too many calls."), _SLOWER),
    ErrorRule(80007, Action.SLOW_DOWN, _("The business account has made too many calls."), _SLOWER),
    ErrorRule(130429, Action.SLOW_DOWN, _("Too many messages per second."), _SLOWER),
    ErrorRule(
        131048,
        Action.STOP_SENDER,
        _("Too many messages of this number were blocked or reported as spam."),
        _("Send fewer promotions, to people who expect them, and watch the quality rating."),
    ),
    ErrorRule(131056, Action.SLOW_PAIR, _("Too many messages to this person."), _SLOWER),
    ErrorRule(
        131064,
        Action.STOP_SENDER,
        _("The messaging limit was lowered because templates were in the wrong category."),
        _ACCOUNT,
    ),
    ErrorRule(
        133016,
        Action.STOP_SENDER,
        _("The number was registered and deregistered too often."),
        _("Wait 72 hours, then register the number."),
    ),
    # --- account and number -------------------------------------------------------------
    ErrorRule(
        368, Action.STOP_SENDER, _("The account is restricted for a breach of policy."), _ACCOUNT
    ),
    ErrorRule(131031, Action.STOP_SENDER, _("The account is locked."), _ACCOUNT),
    ErrorRule(
        131037,
        Action.STOP_SENDER,
        _("The number has no approved display name."),
        _("Have the display name approved in WhatsApp Manager."),
    ),
    ErrorRule(
        131042,
        Action.STOP_SENDER,
        _("The account cannot pay."),
        _("Repair the payment method, currency and time zone in WhatsApp Manager."),
    ),
    ErrorRule(131045, Action.STOP_SENDER, _("The number is not registered properly."), _REGISTER),
    ErrorRule(133000, Action.STOP_SENDER, _("Deregistration was not completed."), _REGISTER),
    ErrorRule(
        133005,
        Action.STOP_SENDER,
        _("The two-step PIN is wrong."),
        _("Use the right PIN, or reset it in WhatsApp Manager."),
    ),
    ErrorRule(
        133006,
        Action.STOP_SENDER,
        _("The number has to be verified again."),
        _("Verify the number, then register it."),
    ),
    ErrorRule(
        133008,
        Action.STOP_SENDER,
        _("The two-step PIN was wrong too often."),
        _("Wait for the time that WhatsApp names, then use the right PIN."),
    ),
    ErrorRule(
        133009,
        Action.STOP_SENDER,
        _("The two-step PIN was entered too quickly."),
        _("Wait for the time that WhatsApp names, then enter the PIN again."),
    ),
    ErrorRule(133010, Action.STOP_SENDER, _("The number is not registered."), _REGISTER),
    ErrorRule(
        133015,
        Action.STOP_SENDER,
        _("The number was deleted a moment ago."),
        _("Wait five minutes, then register the number."),
    ),
    # --- recipient ----------------------------------------------------------------------
    ErrorRule(
        131026,
        Action.STOP_RECIPIENT,
        _("The message cannot be delivered to this person."),
        _("The number may not use WhatsApp, or the person may have blocked the shop."),
    ),
    ErrorRule(
        130497,
        Action.STOP_RECIPIENT,
        _("The business may not write to people in this country."),
        _("Leave this country out."),
    ),
    ErrorRule(
        137000,
        Action.STOP_RECIPIENT,
        _("The person behind this number has changed."),
        _("Ask the customer to confirm the number."),
    ),
    ErrorRule(
        131050,
        Action.STOP_MARKETING,
        _("The person has stopped marketing from this business."),
        _("Send no marketing until the person allows it again."),
    ),
    ErrorRule(
        131049,
        Action.LATER,
        _("WhatsApp held the message back: this person gets enough marketing already."),
        _("Try again after a day at the earliest, or not at all."),
    ),
    ErrorRule(
        130472,
        Action.LATER,
        _("The person is part of an experiment in which WhatsApp delivers no marketing."),
        _NONE,
    ),
    ErrorRule(
        131047,
        Action.DROP,
        _("More than 24 hours have passed since the person last wrote."),
        _("Send an approved template instead."),
    ),
    ErrorRule(131021, Action.DROP, _("Sender and recipient are the same number."), _NONE),
    ErrorRule(
        131030,
        Action.DROP,
        _("The recipient is not on the list of this test number."),
        _("Add the recipient to the list, or use a real number."),
    ),
    ErrorRule(
        131062,
        Action.DROP,
        _("This message can only be sent to a phone number."),
        _("Ask the customer for the phone number."),
    ),
    # --- request ------------------------------------------------------------------------
    ErrorRule(100, Action.DROP, _("A parameter is not valid."), _PROGRAM),
    ErrorRule(131008, Action.DROP, _("A required parameter is missing."), _PROGRAM),
    ErrorRule(131009, Action.DROP, _("A parameter has a wrong value."), _PROGRAM),
    ErrorRule(131020, Action.DROP, _("The group is not available."), _NONE),
    ErrorRule(131041, Action.DROP, _("The message cannot be sent to this group."), _NONE),
    ErrorRule(131200, Action.DROP, _("Error of a group."), _NONE, last_code=131299),
    ErrorRule(131051, Action.DROP, _("This kind of message is not supported."), _PROGRAM),
    ErrorRule(
        131052,
        Action.DROP,
        _("A file that the customer sent could not be downloaded."),
        _("Ask the customer to send it again."),
    ),
    ErrorRule(131055, Action.DROP, _("Only marketing templates can be sent this way."), _PROGRAM),
    ErrorRule(134100, Action.DROP, _("Only marketing templates can be sent this way."), _PROGRAM),
    ErrorRule(134102, Action.DROP, _("The template cannot be sent this way."), _PROGRAM),
    ErrorRule(131059, Action.DROP, _("The list has changed while it was read."), _NONE),
    ErrorRule(
        134011,
        Action.DROP,
        _("The terms of service for payments are not accepted."),
        _("Accept them in WhatsApp Manager."),
    ),
    ErrorRule(135000, Action.DROP, _("The parameters of the message are wrong."), _PROGRAM),
    # --- templates ----------------------------------------------------------------------
    ErrorRule(
        131063,
        Action.STOP_TEMPLATE,
        _("Marketing templates are switched off for this account on the Cloud API."),
        _("Switch them on again in WhatsApp Manager."),
    ),
    ErrorRule(
        132000, Action.STOP_TEMPLATE, _("The template expects another number of values."), _RESYNC
    ),
    ErrorRule(
        132001,
        Action.STOP_TEMPLATE,
        _("The template does not exist in this language, or is not approved."),
        _RESYNC,
    ),
    ErrorRule(132005, Action.DROP, _("The text with its values is too long."), _CONTENT),
    ErrorRule(
        132007,
        Action.STOP_TEMPLATE,
        _("The template breaks a rule on content."),
        _("Change the template and have it approved again."),
    ),
    ErrorRule(132008, Action.DROP, _("A value does not match the template."), _CONTENT),
    ErrorRule(132012, Action.STOP_TEMPLATE, _("A value has the wrong format."), _RESYNC),
    ErrorRule(132018, Action.DROP, _("The values of the template are not valid."), _CONTENT),
    ErrorRule(
        132015,
        Action.STOP_TEMPLATE,
        _("The template is paused because of its quality."),
        _("Wait until WhatsApp approves it again, or change it."),
    ),
    ErrorRule(
        132016,
        Action.STOP_TEMPLATE,
        _("The template is disabled for good because of its quality."),
        _("Create another template."),
    ),
    ErrorRule(132068, Action.STOP_TEMPLATE, _("The flow is blocked."), _("Repair the flow.")),
    ErrorRule(132069, Action.STOP_TEMPLATE, _("The flow is throttled."), _("Repair the flow.")),
    ErrorRule(
        139200, Action.DROP, _("Direct Send is blocked."), _("Send an approved template instead.")
    ),
    # --- management ---------------------------------------------------------------------
    ErrorRule(
        139100,
        Action.DROP,
        _("Not everybody could be blocked or unblocked."),
        _("Only people who wrote within 24 hours can be blocked."),
    ),
    ErrorRule(
        139101, Action.DROP, _("The list of blocked people is full."), _("Unblock somebody first.")
    ),
    ErrorRule(
        139102, Action.DROP, _("The list of blocked people is being changed."), _("Try again.")
    ),
    ErrorRule(139103, Action.DROP, _("Blocking has failed."), _("Try again.")),
    ErrorRule(
        147001,
        Action.DROP,
        _("The business username was not accepted."),
        _("Choose another."),
        last_code=147005,
    ),
    ErrorRule(
        2388019,
        Action.DROP,
        _("The account has too many templates."),
        _("Delete templates that are not used."),
    ),
    ErrorRule(2388040, Action.DROP, _("A part of the template is too long."), _CONTENT),
    ErrorRule(2388047, Action.DROP, _("The header of the template is wrong."), _CONTENT),
    ErrorRule(2388072, Action.DROP, _("The body of the template is wrong."), _CONTENT),
    ErrorRule(2388073, Action.DROP, _("The footer of the template is wrong."), _CONTENT),
    ErrorRule(
        2388293, Action.DROP, _("The template has too many values for its length."), _CONTENT
    ),
    ErrorRule(
        2388299, Action.DROP, _("A value stands at the start or end of the template."), _CONTENT
    ),
    ErrorRule(2388318, Action.DROP, _("This template cannot be changed."), _NONE),
    ErrorRule(2388330, Action.DROP, _("This template cannot be deleted."), _NONE),
    ErrorRule(
        2494164,
        Action.DROP,
        _("The sign-up link was not accepted."),
        _("Check its texts and addresses."),
        last_code=2494179,
    ),
)
