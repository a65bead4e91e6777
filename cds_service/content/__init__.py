"""The clinical content: cards/ read strictly into frozen values, checked and explained."""
