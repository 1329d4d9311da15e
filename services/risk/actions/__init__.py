"""One function, one transaction, one sentence: what is heard is kept, what is asked is judged."""
