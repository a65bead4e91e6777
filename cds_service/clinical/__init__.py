"""The pure core: facts, rules, verdicts and the decision. Standard library only, no clock."""
