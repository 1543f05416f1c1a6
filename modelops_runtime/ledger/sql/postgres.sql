-- The ledger's statements for PostgreSQL (15 and later). Each one is a transaction and a round trip, so changes that belong
-- together are one statement with CTEs; `rows_of_all` makes a transaction of several statements. A trial's row is locked (FOR
-- UPDATE) before `seq` in run_state is raised for it, so readers see `seq` in the order of the commits and without gaps.
-- Locks are always taken in the order trial, run_state, but for a new trial: nobody can wait for its row yet.

-- fragment: now
clock_timestamp()
-- fragment: deadline
clock_timestamp() + %(lease_s)s::float8 * interval '1 second'
-- fragment: open
status IN ('PENDING', 'LEASED')
-- fragment: mine
t.run_key = %(run_key)s AND t.phase = %(phase)s AND t.number = %(number)s AND t.lease_no = %(lease_no)s AND t.status = 'LEASED'
-- fragment: bump
bump AS (UPDATE run_state s SET seq = s.seq + 1 FROM held WHERE s.run_key = held.run_key
         RETURNING s.run_key, s.seq, pg_notify('modelops_run_' || s.run_key, ''))
-- fragment: trial
t.phase, t.number, t.draw, t.origin, t.param_id, t.params::text, t.status, t.known, t.incumbent, t.algorithm_state::text,
t.loss, t.loss_se, t.stopped_early, t.replicates, t.failure, t.error, t.diagnostics::text, t.worker, t.lease_no,
t.lease_until, t.proposed_at, t.finished_at, t.seconds, t.proposed_seq, t.finished_seq, t.effective_sample_size, t.wanted
-- fragment: next_number
coalesce((SELECT min(n) FROM unnest(withdrawn) n), reserved)
-- fragment: from_queue
(taken < queued AND {next_number} >= %(guesses)s::int)
-- fragment: run
SELECT r.run_key, r.run_id, r.identity, r.identity_parts::text, r.spec::text, r.provenance::text, r.observations::text,
       s.trials, r.replicates, s.state, s.reason, s.asking_ended, r.summary::text, r.created_at, s.finished_at,
       r.space::text, s.paused, s.queued - s.taken AS queued
  FROM run r JOIN run_state s ON s.run_key = r.run_key

-- name: create_run
WITH made AS (
    INSERT INTO run (run_id, identity, identity_parts, spec, provenance, observations, replicates, space, created_at)
    VALUES (%(run_id)s, %(identity)s, %(identity_parts)s, %(spec)s, %(provenance)s, %(observations)s, %(replicates)s,
            %(space)s, {now})
    ON CONFLICT (run_id) DO NOTHING RETURNING run_key)
INSERT INTO run_state (run_key, trials) SELECT run_key, %(trials)s::int FROM made

-- name: get_run
{run} WHERE r.run_id = %(run_id)s

-- name: list_runs
{run} ORDER BY r.created_at DESC, r.run_key DESC

-- name: run_names
SELECT run_id FROM run ORDER BY created_at DESC, run_key DESC

-- name: rename_run
-- Returns no row if the name is in use, or a worker holds a lease.
UPDATE run SET run_id = %(new_id)s
 WHERE run_key = %(run_key)s
   AND NOT EXISTS (SELECT 1 FROM run o WHERE o.run_id = %(new_id)s)
   AND NOT EXISTS (SELECT 1 FROM trial
                    WHERE run_key = %(run_key)s AND {open} AND status = 'LEASED' AND lease_until > {now}
                      AND worker NOT IN (SELECT json_array_elements_text(%(dead)s::json)))
RETURNING run_key

-- name: extend
UPDATE run_state SET trials = %(trials)s, state = 'OPEN', reason = '', asking_ended = FALSE, finished_at = NULL
 WHERE run_key = %(run_key)s AND trials < %(trials)s
RETURNING trials

-- name: end_asking
UPDATE run_state SET reason = CASE WHEN asking_ended THEN reason ELSE %(reason)s END, asking_ended = TRUE
 WHERE run_key = %(run_key)s

-- name: reopen
UPDATE run_state SET state = 'OPEN', reason = '', asking_ended = FALSE, finished_at = NULL WHERE run_key = %(run_key)s

-- name: end_run
WITH ended AS (
    UPDATE run_state
       SET state = %(state)s, reason = CASE WHEN %(reason)s::text = '' THEN reason ELSE %(reason)s::text END,
           finished_at = {now}
     WHERE run_key = %(run_key)s RETURNING run_key)
UPDATE run SET summary = %(summary)s FROM ended WHERE run.run_key = ended.run_key

-- name: warn
-- jsonb would change the order of the keys.
UPDATE run
   SET provenance = (
       SELECT json_object_agg(key, value)
         FROM (SELECT key, value FROM json_each(provenance) WHERE key <> 'warnings'
               UNION ALL
               SELECT 'warnings', json_agg(line)
                 FROM (SELECT json_array_elements_text(COALESCE(provenance -> 'warnings', '[]'::json)) AS line
                       UNION ALL
                       SELECT %(warning)s::text) AS lines) AS entries)
 WHERE run_key = %(run_key)s
   AND NOT EXISTS (SELECT 1 FROM json_array_elements_text(COALESCE(provenance -> 'warnings', '[]'::json)) AS line
                    WHERE line = %(warning)s::text)

-- name: lock_run
SELECT run_key FROM run_state WHERE run_key = %(run_key)s FOR UPDATE

-- name: pause
UPDATE run_state SET paused = %(paused)s WHERE run_key = %(run_key)s

-- name: is_paused
SELECT paused FROM run_state WHERE run_key = %(run_key)s

-- name: enqueue
-- Run it after lock_run, in the same transaction.
WITH counted AS (
    UPDATE run_state SET queued = queued + 1
     WHERE run_key = %(run_key)s
       AND NOT EXISTS (SELECT 1 FROM queued q WHERE q.run_key = %(run_key)s AND q.token = %(token)s)
    RETURNING run_key, queued - 1 AS place)
INSERT INTO queued (run_key, place, params, token, queued_at)
SELECT run_key, place, %(params)s, %(token)s, {now} FROM counted

-- name: queued_set
SELECT q.params::text FROM trial t JOIN queued q ON q.run_key = t.run_key AND q.place = t.place
 WHERE t.run_key = %(run_key)s AND t.phase = %(phase)s AND t.number = %(number)s

-- name: reserve
-- Takes a withdrawn number if there is one, else the next one of the budget. Returns no row if none is left, or asking has
-- ended. A number after the first `guesses` takes a set from the queue if there is one, else a draw; a withdrawn number keeps
-- its draw. The sets are counted in the locked row of run_state, because a statement that waited for the lock would see the
-- table `queued` as it was before. A token reserves once: if an attempt was believed lost, was repeated, and is then
-- executed after all, it reserves nothing.
WITH claim AS (
    UPDATE run_state
       SET claimed = {next_number},
           claimed_place = CASE WHEN {from_queue} THEN taken END,
           taken = taken + {from_queue}::int,
           undrawn = undrawn + ({from_queue} AND withdrawn = '{}')::int,
           reserved = reserved + CASE WHEN withdrawn = '{}' THEN 1 ELSE 0 END,
           withdrawn = array_remove(withdrawn, (SELECT min(n) FROM unnest(withdrawn) n))
     WHERE run_key = %(run_key)s AND NOT asking_ended AND (withdrawn <> '{}' OR reserved < trials)
       AND NOT EXISTS (SELECT 1 FROM trial WHERE run_key = %(run_key)s AND {open} AND lease_token = %(token)s)
    RETURNING run_key, claimed, claimed_place, undrawn, claimed >= %(guesses)s::int AND claimed_place IS NULL AS asked)
INSERT INTO trial AS t (run_key, phase, number, draw, origin, place, status, worker, lease_no, lease_until, lease_token)
SELECT run_key, 'search', claimed, CASE WHEN asked THEN claimed - %(guesses)s::int - undrawn END,
       CASE WHEN asked THEN 'ask' ELSE 'guess' END, claimed_place, 'LEASED', %(worker)s, 1, {deadline}, %(token)s
  FROM claim
ON CONFLICT (run_key, phase, number) DO UPDATE
   SET draw = CASE WHEN excluded.origin = 'ask' THEN coalesce(t.draw, excluded.draw) END, origin = excluded.origin,
       place = excluded.place, status = 'LEASED', worker = excluded.worker, lease_no = t.lease_no + 1,
       lease_until = excluded.lease_until, lease_token = excluded.lease_token
RETURNING {trial}

-- name: find_lease
-- The trial that an earlier attempt leased with this token, if its answer was lost.
SELECT {trial} FROM trial t WHERE run_key = %(run_key)s AND {open} AND lease_token = %(token)s

-- name: holders
SELECT DISTINCT worker FROM trial WHERE run_key = %(run_key)s AND {open} AND status = 'LEASED'

-- name: take_over
-- While the server was down nobody could renew a lease, so none expires in the first `lease_s` seconds after its start.
WITH found AS (
    SELECT run_key, phase, number FROM trial
     WHERE run_key = %(run_key)s AND {open}
       AND (status = 'PENDING' OR worker IN (SELECT json_array_elements_text(%(dead)s::json))
            OR (lease_until <= {now} AND {now} >= pg_postmaster_start_time() + %(lease_s)s::float8 * interval '1 second'))
     ORDER BY phase DESC, number LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE trial t
   SET status = 'LEASED', worker = %(worker)s, lease_no = t.lease_no + 1, lease_until = {deadline}, lease_token = %(token)s
  FROM found WHERE t.run_key = found.run_key AND t.phase = found.phase AND t.number = found.number
RETURNING {trial}

-- name: propose
-- Returns no row if another worker has the lease by now (lease_no differs), or if the trial has parameters already.
WITH held AS (SELECT t.run_key FROM trial t WHERE {mine} AND t.params IS NULL FOR UPDATE), {bump}
UPDATE trial t
   SET params = %(params)s, param_id = %(param_id)s, origin = %(origin)s, known = %(known)s, incumbent = %(incumbent)s,
       wanted = %(wanted)s, algorithm_state = %(algorithm_state)s, proposed_at = {now}, proposed_seq = bump.seq, changed_seq = bump.seq
  FROM bump WHERE {mine}
RETURNING {trial}

-- name: propose_reserved
-- After reserve, in one transaction: no row comes back when another trial was reserved than the one that was asked for.
WITH held AS (SELECT t.run_key FROM trial t
               WHERE {mine} AND t.params IS NULL AND t.draw = %(draw)s AND t.lease_token = %(token)s FOR UPDATE), {bump}
UPDATE trial t
   SET params = %(params)s, param_id = %(param_id)s, known = %(known)s, incumbent = %(incumbent)s,
       wanted = %(wanted)s, algorithm_state = %(algorithm_state)s, proposed_at = {now}, proposed_seq = bump.seq, changed_seq = bump.seq
  FROM bump WHERE {mine}
RETURNING {trial}

-- name: withdraw
WITH held AS (SELECT t.run_key FROM trial t WHERE {mine} AND t.phase = 'search' AND t.params IS NULL FOR UPDATE),
     given_back AS (UPDATE run_state s SET withdrawn = array_append(s.withdrawn, %(number)s::int)
                      FROM held WHERE s.run_key = held.run_key RETURNING s.run_key)
UPDATE trial t SET status = 'WITHDRAWN', worker = NULL, lease_until = NULL FROM given_back WHERE {mine}
RETURNING {trial}

-- name: confirm
-- Run it after lock_run, in the same transaction.
WITH held AS (
    SELECT t.run_key, t.number, t.params, t.param_id FROM trial t
     WHERE t.run_key = %(run_key)s AND t.phase = 'search' AND t.number = %(number)s AND t.params IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM trial c
                        WHERE c.run_key = t.run_key AND c.phase = 'confirm' AND c.number = t.number)),
     {bump}
INSERT INTO trial AS t
       (run_key, phase, number, origin, status, params, param_id, lease_no, proposed_at, proposed_seq, changed_seq)
SELECT held.run_key, 'confirm', held.number, 'confirm', 'PENDING', held.params, held.param_id, 0, {now}, bump.seq, bump.seq
  FROM held, bump

-- name: renew
UPDATE trial SET lease_until = {deadline}
 WHERE run_key = %(run_key)s AND {open} AND status = 'LEASED' AND worker = %(worker)s
RETURNING phase, number, lease_no

-- name: release
UPDATE trial SET status = 'PENDING', worker = NULL, lease_until = NULL
 WHERE run_key = %(run_key)s AND {open} AND status = 'LEASED' AND worker = %(worker)s

-- name: record
-- Writes nothing if another worker has the lease by now (lease_no differs). A completed replicate is not changed; another
-- digest for it violates replicate_has_one_result.
-- again: the answer of an earlier attempt was lost; what that one wrote is not counted as a second attempt.
-- rows is a JSON array. JSON has no bytes, so aligned has those of all rows, one after the other.
WITH held AS (SELECT t.run_key, t.number FROM trial t WHERE {mine} FOR UPDATE)
INSERT INTO replicate AS o
       (run_key, number, idx, seed, status, seconds, aligned, aligned_encoding, digest, failure, error, log, recorded_at)
SELECT run_key, number, g.idx, g.seed, g.result, g.seconds,
       substr(%(aligned)s::bytea, g.aligned_from + 1, g.aligned_bytes), g.aligned_encoding, g.digest, g.failure, g.error, g.log, {now}
  FROM held, json_to_recordset(%(rows)s::json) AS g(idx bigint, seed text, result text, seconds float8, aligned_from int,
       aligned_bytes int, aligned_encoding text, digest text, failure text, error text, log text)
ON CONFLICT (run_key, number, idx) DO UPDATE
   SET attempt = o.attempt
           + CASE WHEN %(again)s AND o.status = excluded.status AND o.seconds = excluded.seconds THEN 0 ELSE 1 END,
       status = CASE WHEN o.status = 'FAILED' THEN excluded.status
                     WHEN excluded.status = 'COMPLETED' AND o.digest <> excluded.digest THEN 'CONFLICT'
                     ELSE o.status END,
       seed = CASE WHEN o.status = 'FAILED' THEN excluded.seed ELSE o.seed END,
       seconds = CASE WHEN o.status = 'FAILED' THEN excluded.seconds ELSE o.seconds END,
       aligned = CASE WHEN o.status = 'FAILED' THEN excluded.aligned ELSE o.aligned END,
       aligned_encoding = CASE WHEN o.status = 'FAILED' THEN excluded.aligned_encoding ELSE o.aligned_encoding END,
       digest = CASE WHEN o.status = 'FAILED' THEN excluded.digest ELSE o.digest END,
       failure = CASE WHEN o.status = 'FAILED' THEN excluded.failure ELSE o.failure END,
       error = CASE WHEN o.status = 'FAILED' THEN excluded.error ELSE o.error END,
       log = CASE WHEN o.status = 'FAILED' THEN excluded.log ELSE o.log END,
       recorded_at = CASE WHEN o.status = 'FAILED' THEN excluded.recorded_at ELSE o.recorded_at END
RETURNING idx

-- name: finish
-- Returns no row if another worker has the lease by now (lease_no differs), or if the trial is finished already.
WITH held AS (SELECT t.run_key FROM trial t WHERE {mine} FOR UPDATE), {bump}
UPDATE trial t
   SET status = %(result)s, loss = %(loss)s, loss_se = %(loss_se)s, stopped_early = %(stopped_early)s,
       replicates = %(replicates)s, failure = %(failure)s, error = %(error)s, seconds = %(seconds)s,
       diagnostics = %(diagnostics)s, effective_sample_size = %(effective_sample_size)s,
       algorithm_state = coalesce(%(algorithm_state)s::json, t.algorithm_state),
       lease_until = NULL, finished_at = {now}, finished_seq = bump.seq, changed_seq = bump.seq
  FROM bump WHERE {mine}
RETURNING {trial}

-- name: get_trial
SELECT {trial} FROM trial t WHERE run_key = %(run_key)s AND phase = %(phase)s AND number = %(number)s

-- name: changes
SELECT {trial} FROM trial t WHERE run_key = %(run_key)s AND changed_seq > %(after)s ORDER BY changed_seq

-- name: seq
SELECT seq FROM run_state WHERE run_key = %(run_key)s

-- name: trials
SELECT {trial} FROM trial t WHERE run_key = %(run_key)s AND status <> 'WITHDRAWN' ORDER BY phase DESC, number

-- name: trials_of_phase
SELECT {trial} FROM trial t
 WHERE run_key = %(run_key)s AND phase = %(phase)s AND status <> 'WITHDRAWN' ORDER BY number

-- name: replicates
SELECT number, idx AS "index", seed, status, seconds, attempt, aligned, aligned_encoding, digest, failure, error, log
  FROM replicate WHERE run_key = %(run_key)s ORDER BY number, idx

-- name: replicates_of_trial
SELECT number, idx AS "index", seed, status, seconds, attempt, aligned, aligned_encoding, digest, failure, error, log
  FROM replicate WHERE run_key = %(run_key)s AND number = %(number)s ORDER BY number, idx

-- name: now
SELECT {now} AS now

-- name: tables
-- The names of all tables in the schema of the ledger, with `schema_version`.
SELECT tablename AS name FROM pg_tables WHERE schemaname = 'modelops'

-- name: schema_version
SELECT version, oldest_writer FROM schema_version

-- name: create_schema_version
CREATE TABLE schema_version (version INTEGER NOT NULL, oldest_writer INTEGER NOT NULL);
INSERT INTO schema_version VALUES (0, 0);

-- name: set_schema_version
UPDATE schema_version SET version = %(version)s, oldest_writer = %(oldest_writer)s
