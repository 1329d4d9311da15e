-- Who may touch what in the attestation schema; run as its owner after each migration.
-- Evidence is inserted and read, by nobody changed: not even the worker may UPDATE or DELETE it.
REVOKE ALL ON ALL TABLES IN SCHEMA attestation FROM attestation_app, attestation_worker;
GRANT USAGE ON SCHEMA attestation TO attestation_app, attestation_worker;

-- The kit's tables.
GRANT INSERT ON attestation.outbox, attestation.delivery TO attestation_app;
GRANT SELECT, INSERT ON attestation.audit, attestation.idempotency TO attestation_app;
GRANT SELECT ON attestation.access_revoked TO attestation_app;
GRANT SELECT, INSERT, UPDATE ON attestation.outbox, attestation.delivery, attestation.access_revoked
  TO attestation_worker;
GRANT SELECT, INSERT ON attestation.inbox, attestation.audit TO attestation_worker;

-- The log and what Trust names: public, written by the sequencer alone.
GRANT SELECT ON attestation.epoch, attestation.trusted_key, attestation.leaf, attestation.node,
  attestation.checkpoint, attestation.key_event TO attestation_app;
GRANT SELECT, INSERT ON attestation.epoch, attestation.trusted_key, attestation.leaf,
  attestation.node, attestation.checkpoint, attestation.key_event TO attestation_worker;

-- How epochs ended, what Trust asks for, the daily time-stamps: public too.
GRANT SELECT ON attestation.epoch_freeze, attestation.epoch_end, attestation.trust_terms,
  attestation.checkpoint_time_stamp TO attestation_app;
GRANT SELECT, INSERT ON attestation.epoch_freeze, attestation.epoch_end, attestation.trust_terms,
  attestation.checkpoint_time_stamp TO attestation_worker;

-- What witnesses cosigned, and whom Trust names: public too.
GRANT SELECT ON attestation.cosignature, attestation.witness_policy TO attestation_app;
GRANT SELECT, INSERT ON attestation.cosignature, attestation.witness_policy
  TO attestation_worker;

-- The queue: the web puts in, the sequencer takes out. Neither sees more than it needs.
GRANT INSERT ON attestation.queue TO attestation_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON attestation.queue TO attestation_worker;

-- What other services said: written by the worker, read by the ends.
GRANT SELECT ON attestation.organization, attestation.link_end, attestation.campaign_prepared,
  attestation.request_known TO attestation_app;
GRANT SELECT, INSERT ON attestation.organization, attestation.link_end,
  attestation.campaign_prepared, attestation.request_known TO attestation_worker;

-- Evidence, and what leads to it.
GRANT SELECT, INSERT ON attestation.challenge, attestation.enrolment, attestation.confirmation,
  attestation.submission, attestation.statement, attestation.reader, attestation.document,
  attestation.statement_document, attestation.disclosure TO attestation_app, attestation_worker;
GRANT SELECT, INSERT ON attestation.key_change, attestation.key_approval, attestation.key_veto,
  attestation.grantee, attestation.withdrawal TO attestation_app, attestation_worker;
GRANT SELECT ON attestation.key_review, attestation.voucher TO attestation_app;
GRANT SELECT, INSERT ON attestation.key_review, attestation.voucher TO attestation_worker;
GRANT SELECT ON attestation.refusal, attestation.promise, attestation.bundle TO attestation_app;
GRANT SELECT, INSERT ON attestation.refusal, attestation.promise, attestation.bundle
  TO attestation_worker;
GRANT SELECT ON attestation.time_stamp TO attestation_app;
GRANT SELECT, INSERT ON attestation.time_stamp TO attestation_worker;

-- Row-level security: every table with readers, also against its owner. The organization is set
-- for one transaction; unset it is null, which equals nothing, so everything is closed.
DO $$
DECLARE
  private text;
  me constant text := $q$nullif(current_setting('rensho.org', true), '')::uuid$q$;
  -- A statement may be read by its owner, by the readers it was opened to, and if it is public.
  readable constant text := $q$EXISTS (SELECT 1 FROM attestation.statement s
    WHERE s.statement_id = %I.statement_id)$q$;
  -- Whom the owner itself addressed; a grant opens less than that.
  addressed constant text := $q$(EXISTS (SELECT 1 FROM attestation.reader r
    WHERE r.statement_id = %1$I.statement_id AND r.org_id = $q$ || me || $q$) OR EXISTS (SELECT 1
    FROM attestation.statement s WHERE s.statement_id = %1$I.statement_id AND s.public))$q$;
  -- A grant opens a statement from its leaf on, until its time is over or it is taken back.
  granted constant text := $q$EXISTS (SELECT 1 FROM attestation.grantee g
    JOIN attestation.leaf l ON l.statement_id = g.grant_id
    WHERE g.statement_id = %1$I.statement_id AND g.org_id = $q$ || me || $q$
    AND g.not_after > now() AND NOT EXISTS (SELECT 1 FROM attestation.withdrawal w
      JOIN attestation.leaf wl ON wl.statement_id = w.statement_id
      WHERE w.target_id = g.grant_id)%2$s)$q$;
  using_ text;
  check_ text;
BEGIN
  FOREACH private IN ARRAY ARRAY['link_end', 'campaign_prepared', 'request_known', 'challenge',
    'enrolment', 'confirmation', 'submission', 'statement', 'reader', 'document',
    'statement_document', 'disclosure', 'refusal', 'promise', 'bundle', 'time_stamp', 'organization',
    'key_change', 'key_approval', 'key_veto', 'key_review', 'voucher', 'grantee', 'withdrawal']
  LOOP
    EXECUTE format('ALTER TABLE attestation.%I ENABLE ROW LEVEL SECURITY', private);
    EXECUTE format('ALTER TABLE attestation.%I FORCE ROW LEVEL SECURITY', private);
    EXECUTE format('DROP POLICY IF EXISTS app ON attestation.%I', private);
    EXECUTE format('DROP POLICY IF EXISTS worker ON attestation.%I', private);
    EXECUTE format('CREATE POLICY worker ON attestation.%I TO attestation_worker
      USING (true) WITH CHECK (true)', private);
    using_ := CASE private
      WHEN 'organization' THEN 'org_id = ' || me
      WHEN 'link_end' THEN me || ' IN (requester_org_id, respondent_org_id)'
      WHEN 'campaign_prepared' THEN 'org_id = ' || me
      WHEN 'request_known' THEN 'requester_org_id = ' || me || ' OR EXISTS (SELECT 1
        FROM attestation.link_end l WHERE l.link_id = request_known.link_id
        AND l.respondent_org_id = ' || me || ')'
      WHEN 'challenge' THEN 'org_id = ' || me
      WHEN 'enrolment' THEN 'org_id = ' || me
      WHEN 'confirmation' THEN me || ' IN (by_org_id, org_id)'
      WHEN 'key_change' THEN 'org_id = ' || me
      WHEN 'key_approval' THEN 'org_id = ' || me
      WHEN 'key_veto' THEN 'org_id = ' || me
      WHEN 'key_review' THEN 'org_id = ' || me
      WHEN 'voucher' THEN me || ' IN (by_org_id, org_id)'
      WHEN 'grantee' THEN me || ' IN (org_id, owner_org_id)'
      -- Whoever may read a statement may know that it was taken back.
      WHEN 'withdrawal' THEN 'owner_org_id = ' || me || ' OR EXISTS (SELECT 1
        FROM attestation.reader r WHERE r.org_id = ' || me || '
        AND r.statement_id IN (withdrawal.statement_id, withdrawal.target_id))'
      WHEN 'submission' THEN 'owner_org_id = ' || me
      WHEN 'statement' THEN 'public OR owner_org_id = ' || me || ' OR EXISTS (SELECT 1
        FROM attestation.reader r WHERE r.statement_id = statement.statement_id
        AND r.org_id = ' || me || ') OR ' || format(granted, private, '')
      WHEN 'reader' THEN me || ' IN (org_id, owner_org_id)'
      WHEN 'document' THEN 'owner_org_id = ' || me || ' OR EXISTS (SELECT 1
        FROM attestation.statement_document d WHERE d.owner_org_id = document.owner_org_id
        AND d.sha256 = document.sha256 AND d.kind = document.kind)'
      -- Evidence is for those the owner addressed: a grant opens answers.
      WHEN 'statement_document' THEN 'owner_org_id = ' || me || ' OR ' || format(addressed, private)
        || ' OR (kind <> ''evidence'' AND ' || format(readable, private) || ')'
      -- A disclosure for one reader is for that reader; one for nobody in particular is for every
      -- reader its statement addresses; a grant opens the answers it names.
      WHEN 'disclosure' THEN 'owner_org_id = ' || me || ' OR reader_org_id = ' || me
        || ' OR (link_id IN (SELECT l.link_id FROM attestation.link_end l
             WHERE l.respondent_org_id = ' || me || ')) OR (reader_org_id IS NULL
             AND link_id IS NULL AND ' || format(addressed, private) || ') OR (kind = ''answers''
             AND ' || format(granted, private, ' AND disclosure.digest = ANY (g.answers)') || ')'
      WHEN 'refusal' THEN 'EXISTS (SELECT 1 FROM attestation.submission s
        WHERE s.id = refusal.submission_id)'
      WHEN 'promise' THEN format(readable, private)
      WHEN 'bundle' THEN format(readable, private)
      WHEN 'time_stamp' THEN format(readable, private)
    END;
    check_ := CASE private
      WHEN 'challenge' THEN 'org_id = ' || me
      WHEN 'enrolment' THEN 'org_id = ' || me
      WHEN 'confirmation' THEN 'by_org_id = ' || me
      WHEN 'submission' THEN 'owner_org_id = ' || me
      WHEN 'statement' THEN 'owner_org_id = ' || me || ' AND type IN (''ai-governance'',
        ''declaration'', ''request'', ''review'', ''grant'', ''withdrawal'')'
      WHEN 'reader' THEN 'owner_org_id = ' || me
      WHEN 'document' THEN 'owner_org_id = ' || me
      WHEN 'statement_document' THEN 'owner_org_id = ' || me
      WHEN 'disclosure' THEN 'owner_org_id = ' || me
      WHEN 'key_change' THEN 'org_id = ' || me
      -- Four eyes: who asked cannot be who agrees, whatever the code above says.
      WHEN 'key_approval' THEN 'org_id = ' || me || ' AND EXISTS (SELECT 1
        FROM attestation.key_change c WHERE c.id = change_id AND c.asked_by <> approved_by)'
      WHEN 'key_veto' THEN 'org_id = ' || me
      WHEN 'grantee' THEN 'owner_org_id = ' || me
      WHEN 'withdrawal' THEN 'owner_org_id = ' || me
      ELSE 'false'
    END;
    EXECUTE format('CREATE POLICY app ON attestation.%I TO attestation_app
      USING (%s) WITH CHECK (%s)', private, using_, check_);
  END LOOP;
END $$;
