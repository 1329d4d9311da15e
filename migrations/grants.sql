-- Run as the admin for each service: its schema and three roles. `:service` is replaced by the name.
-- Table grants and policies stand beside the tables, in migrations/<service>/grants.sql.
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY[':service_owner', ':service_app', ':service_worker'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- Roles belong to the cluster: another database migrated at the same moment.
      END;
    END IF;
  END LOOP;
END $$;
CREATE SCHEMA IF NOT EXISTS :service AUTHORIZATION :service_owner;
REVOKE ALL ON SCHEMA :service FROM PUBLIC;
GRANT USAGE ON SCHEMA :service TO :service_app, :service_worker;
