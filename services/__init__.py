"""The Rensho services: identity, questionnaire, attestation, risk; the kit below them."""
