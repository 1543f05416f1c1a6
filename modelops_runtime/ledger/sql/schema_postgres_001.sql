-- oldest_writer: 1
-- What a run is. Only its name, its summary and the warnings in its provenance change later.
CREATE TABLE run (
    run_key        INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id         TEXT NOT NULL UNIQUE,
    identity       TEXT NOT NULL,
    identity_parts JSON NOT NULL,
    spec           JSON NOT NULL,
    provenance     JSON NOT NULL,
    observations   JSON NOT NULL,
    replicates     INTEGER NOT NULL,
    summary        JSON NOT NULL DEFAULT '{}',
    created_at     TIMESTAMPTZ NOT NULL
);

-- The state of a run. Its row is locked to reserve a number, and to raise `seq`.
-- withdrawn: numbers to be reserved again; claimed: the number reserved last.
CREATE TABLE run_state (
    run_key      INTEGER PRIMARY KEY,
    trials       INTEGER NOT NULL,
    state        TEXT NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'COMPLETED', 'FAILED')),
    reason       TEXT NOT NULL DEFAULT '',
    asking_ended BOOLEAN NOT NULL DEFAULT FALSE,
    reserved     INTEGER NOT NULL DEFAULT 0,
    withdrawn    INTEGER[] NOT NULL DEFAULT '{}',
    claimed      INTEGER,
    seq          BIGINT NOT NULL DEFAULT 0,
    finished_at  TIMESTAMPTZ
) WITH (fillfactor = 10);

-- changed_seq is the larger of proposed_seq and finished_seq.
CREATE TABLE trial (
    run_key         INTEGER NOT NULL,
    phase           TEXT NOT NULL CHECK (phase IN ('search', 'confirm')),
    number          INTEGER NOT NULL,
    draw            INTEGER,
    origin          TEXT NOT NULL,
    param_id        TEXT,
    params          JSON,
    status          TEXT NOT NULL CHECK (status IN ('PENDING', 'LEASED', 'WITHDRAWN', 'COMPLETED', 'FAILED', 'TIMEOUT')),
    known           BIGINT NOT NULL DEFAULT 0,
    incumbent       INTEGER,
    algorithm_state JSON,
    loss            DOUBLE PRECISION,
    loss_se         DOUBLE PRECISION,
    stopped_early   BOOLEAN NOT NULL DEFAULT FALSE,
    replicates      INTEGER NOT NULL DEFAULT 0,
    failure         TEXT,
    error           TEXT,
    diagnostics     JSON NOT NULL DEFAULT '{}',
    worker          TEXT,
    lease_no        INTEGER NOT NULL,
    lease_until     TIMESTAMPTZ,
    lease_token     TEXT,
    proposed_at     TIMESTAMPTZ,
    finished_at     TIMESTAMPTZ,
    seconds         DOUBLE PRECISION,
    proposed_seq    BIGINT,
    finished_seq    BIGINT,
    changed_seq     BIGINT,
    PRIMARY KEY (run_key, phase, number),
    CONSTRAINT completed_has_a_loss CHECK (status <> 'COMPLETED' OR loss IS NOT NULL)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
CREATE INDEX trial_changed ON trial (run_key, changed_seq);
CREATE INDEX trial_open ON trial (run_key, phase DESC, number) WHERE status IN ('PENDING', 'LEASED');

-- aligned: float64, little-endian, as aligned_encoding says (raw, zlib). seed: an unsigned 64-bit integer as text.
CREATE TABLE replicate (
    run_key          INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    idx              BIGINT NOT NULL,
    seed             TEXT NOT NULL,
    status           TEXT NOT NULL,
    seconds          DOUBLE PRECISION NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 1,
    aligned          BYTEA NOT NULL,
    aligned_encoding TEXT NOT NULL,
    digest           TEXT NOT NULL,
    failure          TEXT,
    error            TEXT,
    log              TEXT NOT NULL DEFAULT '',
    recorded_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (run_key, number, idx),
    CONSTRAINT replicate_has_one_result CHECK (status IN ('COMPLETED', 'FAILED'))
);

-- For users: SELECT * FROM results WHERE run = 'boarding-school' ORDER BY loss;
CREATE VIEW results AS
SELECT r.run_id AS run, t.number AS trial, t.status, t.loss, t.loss_se,
       c.loss AS confirmed_loss, c.loss_se AS confirmed_loss_se, t.stopped_early, t.replicates, t.params,
       t.failure, t.error, t.worker, t.proposed_at AS started, t.finished_at AS finished, t.seconds, t.param_id
  FROM trial t
  JOIN run r ON r.run_key = t.run_key
  LEFT JOIN trial c ON c.run_key = t.run_key AND c.phase = 'confirm' AND c.number = t.number
 WHERE t.phase = 'search' AND t.status <> 'WITHDRAWN';
