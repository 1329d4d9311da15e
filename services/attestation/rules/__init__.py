"""What the attestation service decides without asking anybody: pure functions."""
