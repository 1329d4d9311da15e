"""The Rensho services: identity, questionnaire, attestation, risk, portal, and the kit below them."""
