"""Pages of the shop: catalogue, cart and checkout, orders, account."""
