-- Brings the table `signals` of a PostgreSQL database to what stands in one stream of the feed.
--
--   python -m signals.reader FEED STATE > lines.jsonl && psql -f load.sql < lines.jsonl
--
-- All or nothing, and as often as you like. The lines are all that stands, so what they lack is deleted:
-- mind the &&, for a reader that stopped has printed nothing. One schema and one STATE per stream
-- (PGOPTIONS='-c search_path=acme'), and a STATE apart from the one your workflow uses: the tasks
-- printed here are not looked at.
\set ON_ERROR_STOP on
BEGIN;
CREATE TABLE IF NOT EXISTS signals (
  signalid text PRIMARY KEY,
  id text NOT NULL UNIQUE,
  sequence text NOT NULL,
  type text NOT NULL,
  "time" date NOT NULL,
  expirytime timestamptz NOT NULL,
  siren text,
  lead_id text,
  match_status text,
  prospecting_allowed boolean NOT NULL,
  score double precision NOT NULL,
  title_fr text NOT NULL,
  evidence jsonb NOT NULL,
  said jsonb NOT NULL
);
COMMENT ON COLUMN signals.said IS 'the whole row; docs/feed.md describes each column';
CREATE TEMPORARY TABLE lines (line jsonb NOT NULL) ON COMMIT DROP;
-- Neither character stands in JSON, so that each line is one value as it is.
\copy lines FROM pstdin WITH (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01')
DELETE FROM lines WHERE line ->> 'kind' <> 'signal';
DELETE FROM signals
WHERE NOT EXISTS (SELECT FROM lines WHERE line ->> 'signalid' = signals.signalid);
INSERT INTO signals
SELECT
  line ->> 'signalid',
  line ->> 'id',
  line ->> 'sequence',
  line ->> 'type',
  (line ->> 'time')::date,
  (line ->> 'expirytime')::timestamptz,
  line ->> 'siren',
  line ->> 'lead_id',
  line ->> 'match_status',
  (line ->> 'prospecting_allowed')::boolean,
  (line ->> 'score')::double precision,
  line ->> 'title_fr',
  line -> 'evidence',
  line - 'kind'
FROM lines
ON CONFLICT (signalid) DO UPDATE SET
  id = excluded.id,
  sequence = excluded.sequence,
  type = excluded.type,
  "time" = excluded."time",
  expirytime = excluded.expirytime,
  siren = excluded.siren,
  lead_id = excluded.lead_id,
  match_status = excluded.match_status,
  prospecting_allowed = excluded.prospecting_allowed,
  score = excluded.score,
  title_fr = excluded.title_fr,
  evidence = excluded.evidence,
  said = excluded.said
WHERE signals.id <> excluded.id;
COMMIT;
