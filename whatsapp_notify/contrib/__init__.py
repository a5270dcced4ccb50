"""Examples and extras that a shop may use. Nothing of the package needs them."""
