"""What a shop writes to have the example's bot; importing it needs the provider's package."""

from whatsapp_notify.contrib.ai_bot import FactsBot

answer = FactsBot(model="a-model")
