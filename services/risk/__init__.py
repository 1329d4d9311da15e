"""The judgement: facts learned from events, RM-1 over them, signed snapshots of the results."""
