"""A Decision as others see it: cards, an assessment, an OperationOutcome."""
