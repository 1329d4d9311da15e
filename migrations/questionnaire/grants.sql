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
GRANT SELECT, INSERT, UPDATE, DELETE ON questionnaire.vendor_code TO questionnaire_app;
GRANT SELECT, INSERT ON questionnaire.supply_link, questionnaire.supplier_import,
  questionnaire.questionnaire, questionnaire.campaign, questionnaire.fair_dealing,
  questionnaire.campaign_preparation, questionnaire.request, questionnaire.response_preparation,
  questionnaire.review TO questionnaire_app;
-- Which organization is behind a link, what was issued and what is recorded: only events tell.
GRANT UPDATE (dependency, pass_through, ended) ON questionnaire.supply_link TO questionnaire_app;
GRANT UPDATE (confirmed_at) ON questionnaire.supplier_import TO questionnaire_app;
GRANT UPDATE (state) ON questionnaire.campaign, questionnaire.request TO questionnaire_app;

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
  rule record;
BEGIN
  FOR rule IN SELECT * FROM (VALUES
    -- table, who may see a row, who may make or change one
    ('signing_key', mine, 'false'),
    ('supplier', mine, mine),
    ('vendor_code', mine, mine),
    ('supply_link', mine, mine),
    ('supplier_import', mine, mine),
    ('questionnaire', format('%s OR id IN (%s)', mine, format(asked, 'questionnaire_id')), mine),
    ('campaign', format('%s OR id IN (%s)', mine, format(asked, 'campaign_id')), mine),
    ('fair_dealing', mine, mine),
    ('campaign_preparation', mine, mine),
    ('request', format('%s OR (%s AND issued_at IS NOT NULL)', requester, respondent), requester),
    ('invitation', mine, 'false'),
    ('response', respondent, respondent),
    ('response_preparation',
      format('%s OR (%s AND recorded_at IS NOT NULL)', respondent, requester), respondent),
    ('review', format('%s OR (%s AND recorded_at IS NOT NULL)', requester, respondent), requester)
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
      CASE rule.name WHEN 'request' THEN rule.sees ELSE rule.makes END);
    EXECUTE format('CREATE POLICY app_removes ON questionnaire.%I FOR DELETE TO questionnaire_app'
      ' USING (%s)', rule.name, rule.makes);
    EXECUTE format('CREATE POLICY worker ON questionnaire.%I TO questionnaire_worker'
      ' USING (true) WITH CHECK (true)', rule.name);
  END LOOP;
END $$;
