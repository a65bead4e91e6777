"""The edge: who may call, from where, and how much they may send."""
