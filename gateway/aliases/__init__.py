"""Use cases of aliases: one list of saved methods over every place that keeps some."""
