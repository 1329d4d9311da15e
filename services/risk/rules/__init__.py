"""RM-1 as pure functions over frozen facts: no clock, no I/O, no randomness.

`view.facts` freezes one requester's facts out of the world, `writing.document` makes them JSON,
`reading.facts` reads that back, `results.results` judges it. The field-by-field contract is
`contracts/facts/README.md`.
"""
