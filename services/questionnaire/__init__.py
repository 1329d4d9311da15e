"""The asking: suppliers, packs, questionnaires, campaigns, requests and responses."""
