"""Who may: organizations, members, sessions, machine clients, tokens and their public keys."""
