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

-- Heard: kept as said, by the worker alone. What is said of a link may be stated anew, nothing else
-- changes.
GRANT SELECT, INSERT ON risk.enrolment, risk.questionnaire, risk.request, risk.response,
  risk.recorded, risk.refused, risk.key_change, risk.review, risk.log_head,
  risk.withdrawn, risk.granted, risk.sheet_word, risk.class_version,
  risk.request_change, risk.dialogue TO risk_worker;
GRANT SELECT, INSERT, UPDATE ON risk.link, risk.label, risk.link_class, risk.merged
  TO risk_worker;

-- Its owner reads it back on the page for management.
GRANT SELECT ON risk.dialogue TO risk_app;

-- Judged: evidence, inserted and never changed.
GRANT SELECT, INSERT ON risk.snapshot TO risk_app, risk_worker;
GRANT SELECT, INSERT ON risk.snapshot_signed, risk.snapshot_logged, risk.snapshot_refused,
  risk.score TO risk_worker;
GRANT SELECT ON risk.label, risk.snapshot_signed, risk.snapshot_logged, risk.snapshot_refused,
  risk.score TO risk_app;

-- Explained, set for oneself, asked to look again: rows are added, never changed.
GRANT SELECT, INSERT ON risk.seen_link, risk.advised, risk.own_score TO risk_worker;
GRANT SELECT ON risk.seen_link, risk.advised, risk.own_score, risk.class_version TO risk_app;
GRANT SELECT, INSERT ON risk.policy_version TO risk_app;
GRANT SELECT ON risk.policy_version TO risk_worker;
GRANT SELECT, INSERT ON risk.dispute, risk.dispute_step TO risk_app, risk_worker;
-- Served: made anew from snapshots and labels, so nothing is lost with it.
GRANT SELECT, INSERT, UPDATE ON risk.served TO risk_worker;
GRANT SELECT, INSERT, DELETE ON risk.served_name TO risk_worker;
GRANT SELECT ON risk.served, risk.served_name TO risk_app;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA risk FROM PUBLIC;
GRANT EXECUTE ON FUNCTION risk.served_to TO risk_app;

-- Hooks and the folder: a requester sets them up, the worker tells and sends.
GRANT SELECT, INSERT, UPDATE ON risk.webhook, risk.webhook_delivery, risk.folder_drop
  TO risk_app, risk_worker;
GRANT SELECT, INSERT ON risk.webhook_message TO risk_app, risk_worker;

-- Row-level security: every table with readers, also against its owner. The organization is set
-- for one transaction; unset it is null, which equals nothing, so everything is closed.
DO $$
DECLARE
  private text;
BEGIN
  FOREACH private IN ARRAY ARRAY['label', 'snapshot', 'snapshot_signed', 'snapshot_logged',
                                 'snapshot_refused', 'score', 'seen_link', 'advised',
                                 'policy_version', 'class_version', 'served', 'served_name',
                                 'webhook', 'webhook_message', 'webhook_delivery', 'folder_drop',
                                 'dialogue'] LOOP
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

-- Rows with two ends: the requester, and the respondent whose score it is.
DO $$
DECLARE
  ours constant text := 'nullif(current_setting(''rensho.org'', true), '''')::uuid';
  shared text;
  requester text;
BEGIN
  FOREACH shared IN ARRAY ARRAY['own_score', 'dispute', 'dispute_step'] LOOP
    requester := CASE shared WHEN 'own_score' THEN 'org_id' ELSE 'requester_id' END;
    EXECUTE format('ALTER TABLE risk.%I ENABLE ROW LEVEL SECURITY', shared);
    EXECUTE format('ALTER TABLE risk.%I FORCE ROW LEVEL SECURITY', shared);
    EXECUTE format('DROP POLICY IF EXISTS app ON risk.%I', shared);
    EXECUTE format('DROP POLICY IF EXISTS worker ON risk.%I', shared);
    EXECUTE format('CREATE POLICY worker ON risk.%I TO risk_worker USING (true) WITH CHECK (true)',
                   shared);
    EXECUTE format('CREATE POLICY app ON risk.%I TO risk_app USING (%s IN (%I, respondent_id)) '
                   'WITH CHECK (%s IN (%I, respondent_id))',
                   shared, ours, requester, ours, requester);
  END LOOP;
END $$;
