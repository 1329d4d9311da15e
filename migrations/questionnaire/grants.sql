-- Run as questionnaire_owner after each upgrade; safe to repeat.
-- The app serves one organization per transaction (`rensho.org`); unset, every policy fails closed.
REVOKE ALL ON ALL TABLES IN SCHEMA questionnaire FROM questionnaire_app, questionnaire_worker;

-- Plumbing: no policy, no reading of other people's queue.
GRANT INSERT ON questionnaire.outbox, questionnaire.delivery TO questionnaire_app;
GRANT SELECT, INSERT ON questionnaire.audit, questionnaire.idempotency TO questionnaire_app;
GRANT SELECT ON questionnaire.access_revoked TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE ON questionnaire.outbox, questionnaire.delivery TO questionnaire_worker;
GRANT SELECT, INSERT ON questionnaire.inbox, questionnaire.audit TO questionnaire_worker;
GRANT SELECT, INSERT, UPDATE ON questionnaire.access_revoked TO questionnaire_worker;

-- Id, name and country of an enrolled organization are known to everybody.
GRANT SELECT ON questionnaire.organization TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE ON questionnaire.organization TO questionnaire_worker;

GRANT SELECT ON questionnaire.signing_key, questionnaire.invitation TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE ON questionnaire.supplier, questionnaire.response TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON questionnaire.vendor_code, questionnaire.supplier_site,
  questionnaire.contact, questionnaire.segment, questionnaire.code_padding TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE ON questionnaire.column_mapping TO questionnaire_app;
-- What became of a supplier is never rewritten; undoing a merge is noted on it.
GRANT SELECT, INSERT ON questionnaire.supplier_history, questionnaire.supplier_merge,
  questionnaire.succession TO questionnaire_app;
GRANT UPDATE (undone_at, undone_by) ON questionnaire.supplier_merge TO questionnaire_app;
GRANT SELECT ON questionnaire.supplier_site, questionnaire.contact TO questionnaire_worker;
GRANT SELECT, INSERT ON questionnaire.supply_link, questionnaire.supplier_import,
  questionnaire.questionnaire, questionnaire.campaign, questionnaire.fair_dealing,
  questionnaire.campaign_preparation, questionnaire.request, questionnaire.response_preparation,
  questionnaire.review TO questionnaire_app;
-- Which organization is behind a link, what was issued and what is recorded: only events tell.
GRANT UPDATE (dependency, pass_through, ended, product_lines, classification, visibility)
  ON questionnaire.supply_link TO questionnaire_app;
GRANT UPDATE (confirmed_at) ON questionnaire.supplier_import TO questionnaire_app;
GRANT UPDATE (state) ON questionnaire.campaign, questionnaire.request TO questionnaire_app;
-- Until it is signed a campaign is a draft; the actions refuse a change after that.
GRANT UPDATE (title, questionnaire_id, due_on, due_at, terms, contact, owner, flow, version)
  ON questionnaire.campaign TO questionnaire_app;
GRANT UPDATE (questionnaire_id, due_at, extended_to) ON questionnaire.request
  TO questionnaire_app;
-- Whom a draft asks is chosen anew; what went out stays (see `removes` below).
GRANT DELETE ON questionnaire.request, questionnaire.fair_dealing TO questionnaire_app;
-- What happened while answers were awaited is only added; of a mail its fate changes.
GRANT INSERT ON questionnaire.invitation TO questionnaire_app;
GRANT SELECT, INSERT ON questionnaire.mail, questionnaire.request_mark, questionnaire.rung_taken,
  questionnaire.contact_record, questionnaire.due_change, questionnaire.non_response,
  questionnaire.campaign_step, questionnaire.deputy TO questionnaire_app;
GRANT UPDATE (state, attempts, error, next_attempt_at, settled_at) ON questionnaire.mail
  TO questionnaire_app;
GRANT UPDATE (decision, comment, decided_at, decided_by, decided_by_name, by_deputy, name, mailbox)
  ON questionnaire.campaign_step TO questionnaire_app;
GRANT DELETE ON questionnaire.deputy TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON questionnaire.company_day TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE ON questionnaire.mail TO questionnaire_worker;
GRANT SELECT, INSERT ON questionnaire.request_mark, questionnaire.rung_taken
  TO questionnaire_worker;
GRANT SELECT ON questionnaire.company_day, questionnaire.contact_record, questionnaire.due_change,
  questionnaire.non_response, questionnaire.campaign_step TO questionnaire_worker;
-- What a statement commits to is never changed; its foreign key keeps the evidence from deletion.
GRANT SELECT, INSERT ON questionnaire.evidence_use TO questionnaire_app;
GRANT SELECT, INSERT, DELETE ON questionnaire.evidence TO questionnaire_app;
GRANT SELECT ON questionnaire.evidence, questionnaire.evidence_use TO questionnaire_worker;

-- Who saved, decided or wrote what is never rewritten.
GRANT SELECT, INSERT ON questionnaire.response_save, questionnaire.approval,
  questionnaire.message TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE ON questionnaire.delegation, questionnaire.approval_flow,
  questionnaire.sheet_return TO questionnaire_app;
GRANT SELECT, INSERT ON questionnaire.corrective_action TO questionnaire_app;
GRANT UPDATE (state, due_on, history, version) ON questionnaire.corrective_action
  TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE (outcome, decided_at) ON questionnaire.contact_change
  TO questionnaire_app;
-- What the log said and when a round begins: only events and the beat tell.
GRANT SELECT ON questionnaire.renewal, questionnaire.granted TO questionnaire_app;
GRANT SELECT, INSERT, UPDATE ON questionnaire.renewal, questionnaire.granted
  TO questionnaire_worker;
GRANT SELECT ON questionnaire.response_save, questionnaire.delegation, questionnaire.message,
  questionnaire.corrective_action, questionnaire.sheet_return TO questionnaire_worker;
GRANT SELECT, UPDATE ON questionnaire.contact_change TO questionnaire_worker;
-- A contact that was changed by its link is the one who is asked.
GRANT INSERT, UPDATE (roles) ON questionnaire.contact TO questionnaire_worker;

GRANT SELECT ON questionnaire.supplier, questionnaire.vendor_code, questionnaire.questionnaire
  TO questionnaire_worker;
GRANT SELECT, INSERT, UPDATE ON questionnaire.signing_key, questionnaire.invitation
  TO questionnaire_worker;
GRANT SELECT, UPDATE ON questionnaire.supply_link, questionnaire.campaign,
  questionnaire.campaign_preparation, questionnaire.request, questionnaire.response,
  questionnaire.response_preparation, questionnaire.review TO questionnaire_worker;

DO $$
DECLARE
  me constant text := 'nullif(current_setting(''rensho.org'', true), '''')::uuid';
  mine constant text := format('org_id = %s', me);
  requester constant text := format('requester_org_id = %s', me);
  respondent constant text := format('respondent_org_id = %s', me);
  asked constant text := format(
    'SELECT %%I FROM questionnaire.request WHERE %s AND issued_at IS NOT NULL', respondent);
  asker constant text := format(
    'request_id IN (SELECT id FROM questionnaire.request WHERE %s)', requester);
  an_end constant text := format('request_id IN (SELECT id FROM questionnaire.request'
    ' WHERE %s OR (%s AND issued_at IS NOT NULL))', requester, respondent);
  rule record;
BEGIN
  FOR rule IN SELECT * FROM (VALUES
    -- table, who may see a row, who may make or change one
    ('signing_key', mine, 'false'),
    ('supplier', mine, mine),
    ('vendor_code', mine, mine),
    ('supply_link', mine, mine),
    ('supplier_import', mine, mine),
    ('supplier_site', mine, mine),
    ('contact', mine, mine),
    ('supplier_history', mine, mine),
    ('supplier_merge', mine, mine),
    ('succession', mine, mine),
    ('segment', mine, mine),
    ('column_mapping', mine, mine),
    ('code_padding', mine, mine),
    ('questionnaire', format('%s OR id IN (%s)', mine, format(asked, 'questionnaire_id')), mine),
    ('campaign', format('%s OR id IN (%s)', mine, format(asked, 'campaign_id')), mine),
    ('fair_dealing', mine, mine),
    ('campaign_preparation', mine, mine),
    ('request', format('%s OR (%s AND issued_at IS NOT NULL)', requester, respondent), requester),
    ('invitation', mine, format('%s AND %s', mine, asker)),
    ('response', respondent, respondent),
    ('response_preparation',
      format('%s OR (%s AND recorded_at IS NOT NULL)', respondent, requester), respondent),
    ('evidence', mine, mine),
    ('evidence_use',
      format('%s OR (%s AND declaration_id IN (SELECT declaration_id'
        ' FROM questionnaire.response_preparation WHERE %s AND recorded_at IS NOT NULL))',
        respondent, requester, requester), respondent),
    ('mail', mine, mine),
    ('request_mark', an_end, an_end),
    ('rung_taken', mine, mine),
    ('contact_record', format('%s AND %s', mine, asker), format('%s AND %s', mine, asker)),
    ('due_change', an_end, format('%s AND %s', requester, asker)),
    ('non_response', an_end, format('by_org_id = %s AND %s', me, an_end)),
    ('company_day', mine, mine),
    ('campaign_step', mine, mine),
    ('deputy', mine, mine),
    ('review', format('%s OR (%s AND recorded_at IS NOT NULL)', requester, respondent), requester),
    ('response_save', respondent, respondent),
    ('delegation', respondent, respondent),
    ('approval_flow', mine, mine),
    ('approval', respondent, respondent),
    ('message', format('%s OR %s', requester, respondent),
      format('by_org_id = %s AND (%s OR %s)', me, requester, respondent)),
    -- Whoever holds a link may ask, and is not told whether there is one; its inviter decides.
    ('contact_change', mine, format('org_id IS NULL OR %s', mine)),
    ('corrective_action', format('%s OR %s', requester, respondent),
      format('%s OR %s', requester, respondent)),
    ('renewal', format('%s OR %s', requester, respondent), 'false'),
    ('granted', format('%s OR %s', requester, respondent), 'false'),
    ('sheet_return', format('%s OR supplier_org_id = %s', requester, me),
      format('%s OR supplier_org_id = %s', requester, me))
  ) AS rules (name, sees, makes) LOOP
    EXECUTE format('ALTER TABLE questionnaire.%I ENABLE ROW LEVEL SECURITY', rule.name);
    EXECUTE format('ALTER TABLE questionnaire.%I FORCE ROW LEVEL SECURITY', rule.name);
    EXECUTE format('DROP POLICY IF EXISTS app_sees ON questionnaire.%I', rule.name);
    EXECUTE format('DROP POLICY IF EXISTS app_makes ON questionnaire.%I', rule.name);
    EXECUTE format('DROP POLICY IF EXISTS app_changes ON questionnaire.%I', rule.name);
    EXECUTE format('DROP POLICY IF EXISTS app_removes ON questionnaire.%I', rule.name);
    EXECUTE format('DROP POLICY IF EXISTS worker ON questionnaire.%I', rule.name);
    EXECUTE format('CREATE POLICY app_sees ON questionnaire.%I FOR SELECT TO questionnaire_app'
      ' USING (%s)', rule.name, rule.sees);
    EXECUTE format('CREATE POLICY app_makes ON questionnaire.%I FOR INSERT TO questionnaire_app'
      ' WITH CHECK (%s)', rule.name, rule.makes);
    EXECUTE format('CREATE POLICY app_changes ON questionnaire.%I FOR UPDATE TO questionnaire_app'
      ' USING (%s)', rule.name,
      -- The respondent moves the state of its own request on; column grants allow nothing else.
      CASE WHEN rule.name IN ('request', 'contact_change') THEN rule.sees ELSE rule.makes END);
    EXECUTE format('CREATE POLICY app_removes ON questionnaire.%I FOR DELETE TO questionnaire_app'
      ' USING (%s)', rule.name,
      CASE rule.name
        WHEN 'request' THEN format('%s AND issued_at IS NULL', rule.makes)
        WHEN 'fair_dealing' THEN format('%s AND campaign_id IN (SELECT id'
          ' FROM questionnaire.campaign WHERE issued_at IS NULL)', rule.makes)
        ELSE rule.makes END);
    EXECUTE format('CREATE POLICY worker ON questionnaire.%I TO questionnaire_worker'
      ' USING (true) WITH CHECK (true)', rule.name);
  END LOOP;
END $$;
