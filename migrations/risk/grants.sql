-- Run as risk_owner after each upgrade; safe to repeat: who may do what, and who sees which row.
--
-- What the other services said holds every firm's facts: the worker alone reads it, so no policy
-- could ever be forgotten there. What a requester reads is split by organization.
REVOKE ALL ON ALL TABLES IN SCHEMA risk FROM risk_app, risk_worker, PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA risk FROM risk_app, risk_worker, PUBLIC;

-- The kit's tables.
GRANT INSERT ON risk.outbox, risk.delivery TO risk_app;
GRANT SELECT, INSERT ON risk.audit, risk.idempotency TO risk_app;
GRANT SELECT ON risk.access_revoked TO risk_app;
GRANT SELECT, INSERT, UPDATE ON risk.outbox, risk.delivery, risk.access_revoked TO risk_worker;
GRANT SELECT, INSERT ON risk.inbox, risk.audit TO risk_worker;

-- Heard: kept as said, by the worker alone. A link may be stated anew, nothing else changes.
GRANT SELECT, INSERT ON risk.enrolment, risk.questionnaire, risk.request, risk.response,
  risk.recorded, risk.refused, risk.key_change, risk.review, risk.log_head TO risk_worker;
GRANT SELECT, INSERT, UPDATE ON risk.link, risk.label TO risk_worker;

-- Judged: evidence, inserted and never changed.
GRANT SELECT, INSERT ON risk.snapshot TO risk_app, risk_worker;
GRANT SELECT, INSERT ON risk.snapshot_signed, risk.snapshot_logged, risk.snapshot_refused,
  risk.score TO risk_worker;
GRANT SELECT ON risk.label, risk.snapshot_signed, risk.snapshot_logged, risk.snapshot_refused,
  risk.score TO risk_app;

-- Row-level security: every table with readers, also against its owner. The organization is set
-- for one transaction; unset it is null, which equals nothing, so everything is closed.
DO $$
DECLARE
  private text;
BEGIN
  FOREACH private IN ARRAY ARRAY['label', 'snapshot', 'snapshot_signed', 'snapshot_logged',
                                 'snapshot_refused', 'score'] LOOP
    EXECUTE format('ALTER TABLE risk.%I ENABLE ROW LEVEL SECURITY', private);
    EXECUTE format('ALTER TABLE risk.%I FORCE ROW LEVEL SECURITY', private);
    EXECUTE format('DROP POLICY IF EXISTS app ON risk.%I', private);
    EXECUTE format('DROP POLICY IF EXISTS worker ON risk.%I', private);
    EXECUTE format('CREATE POLICY worker ON risk.%I TO risk_worker USING (true) WITH CHECK (true)',
                   private);
    EXECUTE format('CREATE POLICY app ON risk.%I TO risk_app '
                   'USING (org_id = nullif(current_setting(''rensho.org'', true), '''')::uuid) '
                   'WITH CHECK (org_id = nullif(current_setting(''rensho.org'', true), '''')::uuid)',
                   private);
  END LOOP;
END $$;
