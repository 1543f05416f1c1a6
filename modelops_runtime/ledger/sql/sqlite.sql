-- The ledger's statements for SQLite (3.40 and later). A query of several statements is one transaction; its rows are
-- those of its last statement with a result. changes() is the number of rows that the statement before changed.

-- fragment: now
strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
-- fragment: deadline
strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('%+.3f seconds', :lease_s))
-- fragment: open
status IN ('PENDING', 'LEASED')
-- fragment: mine
run_key = :run_key AND phase = :phase AND number = :number AND lease_no = :lease_no AND status = 'LEASED'
-- fragment: next_seq
(SELECT s.seq + 1 FROM run_state s WHERE s.run_key = :run_key)
-- fragment: trial
phase, number, draw, origin, param_id, params, status, known, incumbent, algorithm_state, loss, loss_se, stopped_early,
replicates, failure, error, diagnostics, worker, lease_no, lease_until, proposed_at, finished_at, seconds, proposed_seq, finished_seq,
effective_sample_size, wanted
-- fragment: next_number
coalesce((SELECT min(value) FROM json_each(withdrawn)), reserved)
-- fragment: from_queue
(taken < queued AND {next_number} >= :guesses)
-- fragment: run
SELECT r.run_key, r.run_id, r.identity, r.identity_parts, r.spec, r.provenance, r.observations, s.trials, r.replicates,
       s.state, s.reason, s.asking_ended, r.summary, r.created_at, s.finished_at, r.space, s.paused,
       s.queued - s.taken AS queued
  FROM run r JOIN run_state s ON s.run_key = r.run_key

-- name: create_run
INSERT INTO run (run_id, identity, identity_parts, spec, provenance, observations, replicates, space, created_at)
VALUES (:run_id, :identity, :identity_parts, :spec, :provenance, :observations, :replicates, :space, {now})
ON CONFLICT (run_id) DO NOTHING;
INSERT INTO run_state (run_key, trials) SELECT run_key, :trials FROM run WHERE run_id = :run_id AND changes() > 0;

-- name: get_run
{run} WHERE r.run_id = :run_id

-- name: list_runs
{run} ORDER BY r.created_at DESC, r.run_key DESC

-- name: run_names
SELECT run_id FROM run ORDER BY created_at DESC, run_key DESC

-- name: rename_run
-- Returns no row if the name is in use, or a worker holds a lease.
UPDATE run SET run_id = :new_id
 WHERE run_key = :run_key
   AND NOT EXISTS (SELECT 1 FROM run o WHERE o.run_id = :new_id)
   AND NOT EXISTS (SELECT 1 FROM trial
                    WHERE run_key = :run_key AND {open} AND status = 'LEASED' AND lease_until > {now}
                      AND worker NOT IN (SELECT value FROM json_each(:dead)))
RETURNING run_key

-- name: extend
UPDATE run_state SET trials = :trials, state = 'OPEN', reason = '', asking_ended = 0, finished_at = NULL
 WHERE run_key = :run_key AND trials < :trials
RETURNING trials

-- name: end_asking
UPDATE run_state SET reason = CASE WHEN asking_ended THEN reason ELSE :reason END, asking_ended = 1 WHERE run_key = :run_key

-- name: reopen
UPDATE run_state SET state = 'OPEN', reason = '', asking_ended = 0, finished_at = NULL WHERE run_key = :run_key

-- name: end_run
UPDATE run_state
   SET state = :state, reason = CASE WHEN :reason = '' THEN reason ELSE :reason END, finished_at = {now}
 WHERE run_key = :run_key;
UPDATE run SET summary = :summary WHERE run_key = :run_key;

-- name: warn
UPDATE run
   SET provenance = json_set(provenance, '$.warnings',
                             json_insert(COALESCE(json_extract(provenance, '$.warnings'), '[]'), '$[#]', :warning))
 WHERE run_key = :run_key AND NOT EXISTS (SELECT 1 FROM json_each(provenance, '$.warnings') WHERE value = :warning)

-- name: lock_run
SELECT run_key FROM run_state WHERE run_key = :run_key

-- name: pause
UPDATE run_state SET paused = :paused WHERE run_key = :run_key

-- name: is_paused
SELECT paused FROM run_state WHERE run_key = :run_key

-- name: enqueue
-- Run it after lock_run, in the same transaction.
INSERT INTO queued (run_key, place, params, token, queued_at)
SELECT s.run_key, s.queued, :params, :token, {now}
  FROM run_state s
 WHERE s.run_key = :run_key AND NOT EXISTS (SELECT 1 FROM queued q WHERE q.run_key = :run_key AND q.token = :token);
UPDATE run_state SET queued = queued + 1 WHERE run_key = :run_key AND changes() > 0;

-- name: queued_set
SELECT q.params FROM trial t JOIN queued q ON q.run_key = t.run_key AND q.place = t.place
 WHERE t.run_key = :run_key AND t.phase = :phase AND t.number = :number

-- name: reserve
-- Takes a withdrawn number if there is one, else the next one of the budget. Returns no row if none is left, or asking has
-- ended. A number after the first :guesses takes a set from the queue if there is one, else a draw; a withdrawn number keeps
-- its draw.
UPDATE run_state
   SET claimed = {next_number},
       claimed_place = CASE WHEN {from_queue} THEN taken END,
       taken = taken + {from_queue},
       undrawn = undrawn + ({from_queue} AND withdrawn = '[]'),
       reserved = reserved + (withdrawn = '[]'),
       withdrawn = (SELECT json_group_array(value)
                      FROM (SELECT value FROM json_each(withdrawn) ORDER BY value LIMIT -1 OFFSET 1))
 WHERE run_key = :run_key AND NOT asking_ended AND (withdrawn <> '[]' OR reserved < trials);
INSERT INTO trial (run_key, phase, number, draw, origin, place, status, worker, lease_no, lease_until, lease_token)
SELECT run_key, 'search', claimed,
       CASE WHEN claimed >= :guesses AND claimed_place IS NULL THEN claimed - :guesses - undrawn END,
       CASE WHEN claimed >= :guesses AND claimed_place IS NULL THEN 'ask' ELSE 'guess' END,
       claimed_place, 'LEASED', :worker, 1, {deadline}, :token
  FROM run_state WHERE run_key = :run_key AND changes() > 0
ON CONFLICT (run_key, phase, number) DO UPDATE
   SET draw = CASE WHEN excluded.origin = 'ask' THEN coalesce(draw, excluded.draw) END, origin = excluded.origin,
       place = excluded.place, status = 'LEASED', worker = excluded.worker, lease_no = lease_no + 1,
       lease_until = excluded.lease_until, lease_token = excluded.lease_token
RETURNING {trial};

-- name: find_lease
-- The trial that an earlier attempt leased with this token, if its answer was lost.
SELECT {trial} FROM trial WHERE run_key = :run_key AND {open} AND lease_token = :token

-- name: holders
SELECT DISTINCT worker FROM trial WHERE run_key = :run_key AND {open} AND status = 'LEASED'

-- name: take_over
UPDATE trial
   SET status = 'LEASED', worker = :worker, lease_no = lease_no + 1, lease_until = {deadline}, lease_token = :token
 WHERE rowid = (SELECT rowid FROM trial INDEXED BY trial_open
                 WHERE run_key = :run_key AND {open}
                   AND (status = 'PENDING' OR lease_until <= {now} OR worker IN (SELECT value FROM json_each(:dead)))
                 ORDER BY phase DESC, number LIMIT 1)
RETURNING {trial}

-- name: propose
-- Returns no row if another worker has the lease by now (lease_no differs), or if the trial has parameters already.
UPDATE trial
   SET params = :params, param_id = :param_id, origin = :origin, known = :known, incumbent = :incumbent,
       wanted = :wanted, algorithm_state = :algorithm_state, proposed_at = {now}, proposed_seq = {next_seq}, changed_seq = {next_seq}
 WHERE {mine} AND params IS NULL
RETURNING {trial};
UPDATE run_state SET seq = seq + 1 WHERE run_key = :run_key AND changes() > 0;

-- name: propose_reserved
-- After reserve, in one transaction: no row comes back when another trial was reserved than the one that was asked for.
UPDATE trial
   SET params = :params, param_id = :param_id, known = :known, incumbent = :incumbent, algorithm_state = :algorithm_state,
       wanted = :wanted,
       proposed_at = {now}, proposed_seq = {next_seq}, changed_seq = {next_seq}
 WHERE {mine} AND params IS NULL AND draw = :draw AND lease_token = :token
RETURNING {trial};
UPDATE run_state SET seq = seq + 1 WHERE run_key = :run_key AND changes() > 0;

-- name: withdraw
UPDATE trial SET status = 'WITHDRAWN', worker = NULL, lease_until = NULL
 WHERE {mine} AND phase = 'search' AND params IS NULL
RETURNING {trial};
UPDATE run_state SET withdrawn = json_insert(withdrawn, '$[#]', :number) WHERE run_key = :run_key AND changes() > 0;

-- name: confirm
INSERT INTO trial (run_key, phase, number, origin, status, params, param_id, lease_no, proposed_at, proposed_seq, changed_seq)
SELECT run_key, 'confirm', number, 'confirm', 'PENDING', params, param_id, 0, {now}, {next_seq}, {next_seq}
  FROM trial
 WHERE run_key = :run_key AND phase = 'search' AND number = :number AND params IS NOT NULL
ON CONFLICT (run_key, phase, number) DO NOTHING;
UPDATE run_state SET seq = seq + 1 WHERE run_key = :run_key AND changes() > 0;

-- name: renew
UPDATE trial SET lease_until = {deadline}
 WHERE run_key = :run_key AND {open} AND status = 'LEASED' AND worker = :worker
RETURNING phase, number, lease_no

-- name: release
UPDATE trial SET status = 'PENDING', worker = NULL, lease_until = NULL
 WHERE run_key = :run_key AND {open} AND status = 'LEASED' AND worker = :worker

-- name: record
-- Writes nothing if another worker has the lease by now (lease_no differs). A completed replicate is not changed; another
-- digest for it violates replicate_has_one_result.
-- :again: the answer of an earlier attempt was lost; what that one wrote is not counted as a second attempt.
-- :rows is a JSON array. JSON has no bytes, so :aligned has those of all rows, one after the other. coalesce is for a row
-- without bytes, for which SQLite's substr returns NULL.
INSERT INTO replicate (run_key, number, idx, seed, status, seconds, aligned, aligned_encoding, digest, failure, error, log, recorded_at)
SELECT run_key, number, value ->> 'idx', value ->> 'seed', value ->> 'result', value ->> 'seconds',
       coalesce(substr(:aligned, (value ->> 'aligned_from') + 1, value ->> 'aligned_bytes'), x''), value ->> 'aligned_encoding',
       value ->> 'digest', value ->> 'failure', value ->> 'error', value ->> 'log', {now}
  FROM trial, json_each(:rows) WHERE {mine}
ON CONFLICT (run_key, number, idx) DO UPDATE
   SET attempt = attempt + CASE WHEN :again AND status = excluded.status AND seconds = excluded.seconds THEN 0 ELSE 1 END,
       status = CASE WHEN status = 'FAILED' THEN excluded.status
                     WHEN excluded.status = 'COMPLETED' AND digest <> excluded.digest THEN 'CONFLICT'
                     ELSE status END,
       seed = CASE WHEN status = 'FAILED' THEN excluded.seed ELSE seed END,
       seconds = CASE WHEN status = 'FAILED' THEN excluded.seconds ELSE seconds END,
       aligned = CASE WHEN status = 'FAILED' THEN excluded.aligned ELSE aligned END,
       aligned_encoding = CASE WHEN status = 'FAILED' THEN excluded.aligned_encoding ELSE aligned_encoding END,
       digest = CASE WHEN status = 'FAILED' THEN excluded.digest ELSE digest END,
       failure = CASE WHEN status = 'FAILED' THEN excluded.failure ELSE failure END,
       error = CASE WHEN status = 'FAILED' THEN excluded.error ELSE error END,
       log = CASE WHEN status = 'FAILED' THEN excluded.log ELSE log END,
       recorded_at = CASE WHEN status = 'FAILED' THEN excluded.recorded_at ELSE recorded_at END
RETURNING idx

-- name: finish
-- Returns no row if another worker has the lease by now (lease_no differs), or if the trial is finished already.
UPDATE trial
   SET status = :result, loss = :loss, loss_se = :loss_se, stopped_early = :stopped_early, replicates = :replicates,
       failure = :failure, error = :error, seconds = :seconds, diagnostics = :diagnostics,
       effective_sample_size = :effective_sample_size,
       algorithm_state = coalesce(:algorithm_state, algorithm_state),
       lease_until = NULL, finished_at = {now}, finished_seq = {next_seq}, changed_seq = {next_seq}
 WHERE {mine}
RETURNING {trial};
UPDATE run_state SET seq = seq + 1 WHERE run_key = :run_key AND changes() > 0;

-- name: get_trial
SELECT {trial} FROM trial WHERE run_key = :run_key AND phase = :phase AND number = :number

-- name: changes
SELECT {trial} FROM trial WHERE run_key = :run_key AND changed_seq > :after ORDER BY changed_seq

-- name: seq
SELECT seq FROM run_state WHERE run_key = :run_key

-- name: trials
SELECT {trial} FROM trial WHERE run_key = :run_key AND status <> 'WITHDRAWN' ORDER BY phase DESC, number

-- name: trials_of_phase
SELECT {trial} FROM trial WHERE run_key = :run_key AND phase = :phase AND status <> 'WITHDRAWN' ORDER BY number

-- name: replicates
SELECT number, idx AS "index", seed, status, seconds, attempt, aligned, aligned_encoding, digest, failure, error, log
  FROM replicate WHERE run_key = :run_key ORDER BY number, idx

-- name: replicates_of_trial
SELECT number, idx AS "index", seed, status, seconds, attempt, aligned, aligned_encoding, digest, failure, error, log
  FROM replicate WHERE run_key = :run_key AND number = :number ORDER BY number, idx

-- name: now
SELECT {now} AS now

-- name: tables
-- The names of all tables, with `schema_version`.
SELECT name FROM sqlite_master WHERE type = 'table'

-- name: schema_version
SELECT version, oldest_writer FROM schema_version

-- name: create_schema_version
CREATE TABLE schema_version (version INTEGER NOT NULL, oldest_writer INTEGER NOT NULL);
INSERT INTO schema_version VALUES (0, 0);

-- name: set_schema_version
UPDATE schema_version SET version = :version, oldest_writer = :oldest_writer
