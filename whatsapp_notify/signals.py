"""Signals for shop developers, and the doorbells that wake the queue.

All are sent after the commit of what they tell of. Receivers are called robustly: what they
raise is logged and never undoes or repeats anything.
"""

from django.dispatch import Signal

#: A shop event was recorded. Not sent for one that was recorded before.
#: Arguments: ``sender`` (ShopEvent class).
events_recorded = Signal()

#: Messages stand in the outbox and may be due. Not sent for messages planned for later.
#: Arguments: ``sender`` (Message class).
messages_due = Signal()

#: A webhook was stored, not yet read. Not sent for a repeated body. Be quick: it is sent in a
#: thread that stores webhooks.
#: Arguments: ``sender`` (WebhookEvent class).
webhooks_recorded = Signal()

#: A message changed its state by news of the provider, never by a repeated or older one. Not
#: sent by a replay.
#: Arguments: ``sender`` (Message class), ``message_ids`` (list of int), ``state`` (str).
message_state_changed = Signal()

#: A customer gave or withdrew consent. Sent once per ledger record, also for imports.
#: Arguments: ``sender`` (ConsentRecord class), ``record_id`` (int).
consent_changed = Signal()

#: A customer wrote. Sent once per message, after it was kept and routed. Not
#: sent by a replay.
#: Arguments: ``sender`` (InboundMessage class), ``inbound_id`` (int).
message_received = Signal()

#: A survey was answered; a later answer to the same question sends it again. Not
#: sent by a replay.
#: Arguments: ``sender`` (SurveyAnswer class), ``answer_id`` (int).
survey_answered = Signal()

#: What a customer wrote waits for a worker that asks the shop or the bot. Not sent by a replay.
#: Arguments: ``sender`` (InboundMessage class).
errands_due = Signal()

#: A customer has sent a file that waits to be fetched from Meta. Not sent by a replay.
#: Arguments: ``sender`` (InboundMedia class).
media_due = Signal()

#: A customer waits for a member of the staff. Sent once when the wait begins, not for each
#: message. Not sent by a replay.
#: Arguments: ``sender`` (Conversation class), ``conversation_id`` (int), ``reason`` (str).
person_wanted = Signal()

#: Something needs a person: a stopped sender or template, a growing doubt, a poison webhook.
#: Sent once when it begins. Arguments: ``sender`` (None), ``reason`` (str), ``detail`` (str).
attention_needed = Signal()
