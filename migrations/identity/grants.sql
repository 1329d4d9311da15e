-- Run as identity_owner after each upgrade; safe to repeat. What stands here and not in the tables:
-- who may do what (grants) and who may see which row (policies).
--
-- A row is visible to the current organization (`rensho.org`), or to whoever proved in this
-- transaction to hold the thing that opens it: the link of an invitation (`rensho.handle`), a session
-- token (`rensho.session`), a client id (`rensho.client`), a mailbox (`rensho.mailbox`). Unset, all of
-- them are NULL and no row is visible.

REVOKE ALL ON ALL TABLES IN SCHEMA identity FROM identity_app, identity_worker, PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA identity FROM identity_app, identity_worker, PUBLIC;

-- The kit's tables carry no policy: every read of audit and idempotency names its organization or
-- subject. access_revoked is written here by requests, because identity is where access ends.
GRANT INSERT ON identity.outbox, identity.delivery TO identity_app;
GRANT SELECT, INSERT ON identity.audit, identity.idempotency TO identity_app;
GRANT SELECT, INSERT, UPDATE ON identity.access_revoked TO identity_app, identity_worker;
GRANT SELECT, INSERT, UPDATE ON identity.outbox, identity.delivery TO identity_worker;
GRANT SELECT, INSERT ON identity.inbox, identity.audit TO identity_worker;

GRANT SELECT, INSERT, UPDATE (name) ON identity.organization TO identity_app;
GRANT SELECT, INSERT ON identity.identifier TO identity_app;
GRANT SELECT, INSERT, UPDATE (name, roles, removed_at) ON identity.member TO identity_app;
GRANT SELECT, INSERT, UPDATE (last_seen_at, ended_at) ON identity.session TO identity_app;
GRANT SELECT, UPDATE (accepted_at, accepted_org_id) ON identity.invitation TO identity_app;
GRANT SELECT, INSERT, UPDATE (attempts, used_at) ON identity.code TO identity_app;
GRANT SELECT, INSERT, UPDATE (ended_at) ON identity.machine_client TO identity_app;
GRANT SELECT, INSERT ON identity.client_assertion TO identity_app;

GRANT SELECT ON identity.member TO identity_worker;
GRANT SELECT, INSERT, UPDATE (mailbox, language) ON identity.invitation TO identity_worker;
GRANT SELECT, INSERT, DELETE ON identity.code TO identity_worker;
GRANT SELECT, DELETE ON identity.session, identity.client_assertion TO identity_worker;
-- A code that is locked while it is looked up needs the right to change one of its columns.
GRANT UPDATE (used_at) ON identity.code TO identity_worker;

DO $$
DECLARE
  a_table text;
  a_policy record;
BEGIN
  FOREACH a_table IN ARRAY ARRAY['organization', 'identifier', 'member', 'session', 'invitation',
                                 'code', 'machine_client', 'client_assertion'] LOOP
    EXECUTE format('ALTER TABLE identity.%I ENABLE ROW LEVEL SECURITY', a_table);
    EXECUTE format('ALTER TABLE identity.%I FORCE ROW LEVEL SECURITY', a_table);
    FOR a_policy IN SELECT policyname FROM pg_policies
                    WHERE schemaname = 'identity' AND tablename = a_table LOOP
      EXECUTE format('DROP POLICY %I ON identity.%I', a_policy.policyname, a_table);
    END LOOP;
    EXECUTE format('CREATE POLICY worker ON identity.%I TO identity_worker '
                   'USING (true) WITH CHECK (true)', a_table);
  END LOOP;
END $$;

-- Name and country of an enrolled organization are known to all who are enrolled.
CREATE POLICY enrolled ON identity.organization FOR SELECT TO identity_app
  USING (nullif(current_setting('rensho.org', true), '') IS NOT NULL);
CREATE POLICY own_insert ON identity.organization FOR INSERT TO identity_app
  WITH CHECK (id = nullif(current_setting('rensho.org', true), '')::uuid);
CREATE POLICY own_update ON identity.organization FOR UPDATE TO identity_app
  USING (id = nullif(current_setting('rensho.org', true), '')::uuid);

CREATE POLICY own ON identity.identifier TO identity_app
  USING (org_id = nullif(current_setting('rensho.org', true), '')::uuid);

CREATE POLICY own ON identity.member TO identity_app
  USING (org_id = nullif(current_setting('rensho.org', true), '')::uuid);
CREATE POLICY by_mailbox ON identity.member FOR SELECT TO identity_app
  USING (mailbox_key = nullif(current_setting('rensho.mailbox', true), ''));

CREATE POLICY own ON identity.session TO identity_app
  USING (org_id = nullif(current_setting('rensho.org', true), '')::uuid);
CREATE POLICY by_token ON identity.session TO identity_app
  USING (token_sha256 = decode(nullif(current_setting('rensho.session', true), ''), 'hex'));

CREATE POLICY own ON identity.invitation TO identity_app
  USING (requester_org_id = nullif(current_setting('rensho.org', true), '')::uuid);
CREATE POLICY by_handle ON identity.invitation TO identity_app
  USING (handle_sha256 = decode(nullif(current_setting('rensho.handle', true), ''), 'hex'));

-- An invitation's codes are visible to whoever sees the invitation, by the policies above.
CREATE POLICY by_invitation ON identity.code TO identity_app
  USING (EXISTS (SELECT FROM identity.invitation i WHERE i.id = invitation_id));
CREATE POLICY log_in ON identity.code TO identity_app
  USING (invitation_id IS NULL
         AND mailbox_key = nullif(current_setting('rensho.mailbox', true), ''));

CREATE POLICY own ON identity.machine_client TO identity_app
  USING (org_id = nullif(current_setting('rensho.org', true), '')::uuid);
CREATE POLICY by_id ON identity.machine_client FOR SELECT TO identity_app
  USING (id = nullif(current_setting('rensho.client', true), '')::uuid);

CREATE POLICY by_client ON identity.client_assertion TO identity_app
  USING (client_id = nullif(current_setting('rensho.client', true), '')::uuid);
