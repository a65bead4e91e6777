"""How cards are received, for those who answer for the service once it is live."""
