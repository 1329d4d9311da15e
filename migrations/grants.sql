-- Run as the admin for each service: its schema and three roles. `:service` is replaced by the name.
-- Table grants and policies stand beside the tables, in migrations/<service>/grants.sql.
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY[':service_owner', ':service_app', ':service_worker'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', wanted);
    END IF;
  END LOOP;
END $$;
CREATE SCHEMA IF NOT EXISTS :service AUTHORIZATION :service_owner;
REVOKE ALL ON SCHEMA :service FROM PUBLIC;
GRANT USAGE ON SCHEMA :service TO :service_app, :service_worker;
