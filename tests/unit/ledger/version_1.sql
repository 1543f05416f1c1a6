BEGIN TRANSACTION;
CREATE TABLE replicate (
    run_key          INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    idx              INTEGER NOT NULL,
    seed             TEXT NOT NULL,
    status           TEXT NOT NULL,
    seconds          REAL NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 1,
    aligned          BLOB NOT NULL,
    aligned_encoding TEXT NOT NULL,
    digest           TEXT NOT NULL,
    failure          TEXT,
    error            TEXT,
    log              TEXT NOT NULL DEFAULT '',
    recorded_at      TEXT NOT NULL,
    PRIMARY KEY (run_key, number, idx),
    CONSTRAINT replicate_has_one_result CHECK (status IN ('COMPLETED', 'FAILED'))
);
INSERT INTO "replicate" VALUES(1,0,0,'18446744073709551615','COMPLETED',0.25,1,X'000000000000F03F00000000000004409A9999999999B9BF','raw','digest-0',NULL,NULL,'','2026-11-24T19:40:38.501Z');
CREATE TABLE run (
    run_key        INTEGER PRIMARY KEY,
    run_id         TEXT NOT NULL UNIQUE,
    identity       TEXT NOT NULL,
    identity_parts TEXT NOT NULL,
    spec           TEXT NOT NULL,
    provenance     TEXT NOT NULL,
    observations   TEXT NOT NULL,
    replicates     INTEGER NOT NULL,
    summary        TEXT NOT NULL DEFAULT '{}',
    created_at     TEXT NOT NULL
);
INSERT INTO "run" VALUES(1,'boarding-school','abc','{"parameters": "p1", "algorithm": "optuna"}','{"version": 1, "name": "boarding-school", "z": 1, "a": 2}','{}','{}',3,'{}','2026-11-24T19:40:38.480Z');
CREATE TABLE run_state (
    run_key      INTEGER PRIMARY KEY,
    trials       INTEGER NOT NULL,
    state        TEXT NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'COMPLETED', 'FAILED')),
    reason       TEXT NOT NULL DEFAULT '',
    asking_ended INTEGER NOT NULL DEFAULT 0,
    reserved     INTEGER NOT NULL DEFAULT 0,
    withdrawn    TEXT NOT NULL DEFAULT '[]',
    claimed      INTEGER,
    seq          INTEGER NOT NULL DEFAULT 0,
    finished_at  TEXT
);
INSERT INTO "run_state" VALUES(1,5,'OPEN','',0,2,'[]',1,3,NULL);
CREATE TABLE schema_version (version INTEGER NOT NULL, oldest_writer INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES(1,1);
CREATE TABLE trial (
    run_key         INTEGER NOT NULL,
    phase           TEXT NOT NULL CHECK (phase IN ('search', 'confirm')),
    number          INTEGER NOT NULL,
    draw            INTEGER,
    origin          TEXT NOT NULL,
    param_id        TEXT,
    params          TEXT,
    status          TEXT NOT NULL CHECK (status IN ('PENDING', 'LEASED', 'WITHDRAWN', 'COMPLETED', 'FAILED', 'TIMEOUT')),
    known           INTEGER NOT NULL DEFAULT 0,
    incumbent       INTEGER,
    algorithm_state TEXT,
    loss            REAL,
    loss_se         REAL,
    stopped_early   INTEGER NOT NULL DEFAULT 0,
    replicates      INTEGER NOT NULL DEFAULT 0,
    failure         TEXT,
    error           TEXT,
    diagnostics     TEXT NOT NULL DEFAULT '{}',
    worker          TEXT,
    lease_no        INTEGER NOT NULL,
    lease_until     TEXT,
    lease_token     TEXT,
    proposed_at     TEXT,
    finished_at     TEXT,
    seconds         REAL,
    proposed_seq    INTEGER,
    finished_seq    INTEGER,
    changed_seq     INTEGER,
    PRIMARY KEY (run_key, phase, number),
    CONSTRAINT completed_has_a_loss CHECK (status <> 'COMPLETED' OR loss IS NOT NULL)
);
INSERT INTO "trial" VALUES(1,'search',0,0,'ask','6bbc9b34bb3538b72d8be137b534cbbf83a03c58d9f5d09fc5bea9383bd87385','{"zeta": 1.5, "alpha": 3, "kind": "gamma", "on": true}','COMPLETED',0,NULL,NULL,1.25,NULL,0,3,NULL,NULL,'{}','w1',1,NULL,'9d88982b844b4c51a082433e8c5021d2','2026-11-24T19:40:38.500Z','2026-11-24T19:40:38.501Z',0.0,1,2,2);
INSERT INTO "trial" VALUES(1,'search',1,1,'ask','6bbc9b34bb3538b72d8be137b534cbbf83a03c58d9f5d09fc5bea9383bd87385','{"zeta": 1.5, "alpha": 3, "kind": "gamma", "on": true}','LEASED',0,NULL,NULL,NULL,NULL,0,0,NULL,NULL,'{}','w1',1,'2026-11-24T19:40:38.510Z','ac456c108c51435db13b7f287a1ebd06','2026-11-24T19:40:38.511Z',NULL,NULL,3,NULL,3);
CREATE INDEX trial_changed ON trial (run_key, changed_seq);
CREATE INDEX trial_open ON trial (run_key, phase DESC, number) WHERE status IN ('PENDING', 'LEASED');
CREATE VIEW results AS
SELECT r.run_id AS run, t.number AS trial, t.status, t.loss, t.loss_se,
       c.loss AS confirmed_loss, c.loss_se AS confirmed_loss_se, t.stopped_early, t.replicates, t.params,
       t.failure, t.error, t.worker, t.proposed_at AS started, t.finished_at AS finished, t.seconds, t.param_id
  FROM trial t
  JOIN run r ON r.run_key = t.run_key
  LEFT JOIN trial c ON c.run_key = t.run_key AND c.phase = 'confirm' AND c.number = t.number
 WHERE t.phase = 'search' AND t.status <> 'WITHDRAWN';
COMMIT;
