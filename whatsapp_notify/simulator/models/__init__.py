"""Tables of the simulator: the ledger, the chats, the account, and webhooks that wait."""

from .account import BusinessAccount, ScriptedError, SimulatedTemplate, StoredMedia
from .chat import ChatMessage, SimulatedCustomer
from .ledger import AcceptedMessage, LedgerIsAppendOnly
from .outbox import OutboxWebhook

__all__ = [
    "AcceptedMessage",
    "BusinessAccount",
    "ChatMessage",
    "LedgerIsAppendOnly",
    "OutboxWebhook",
    "ScriptedError",
    "SimulatedCustomer",
    "SimulatedTemplate",
    "StoredMedia",
]
