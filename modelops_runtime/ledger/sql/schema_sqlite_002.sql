-- oldest_writer: 2
-- A run may be paused, and sets may be queued for its next trials. A writer of version 1 would count the draws without
-- the sets that were taken from the queue, and does not know where a trial's set waits for it.
-- space: what is searched (JSON), with the bounds of the model's class; NULL in runs of version 1.
ALTER TABLE run ADD COLUMN space TEXT;

-- queued: sets given so far; taken: how many of them went to a trial; undrawn: numbers that took one in place of a draw.
-- claimed_place: the set of the number that was reserved last.
ALTER TABLE run_state ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN undrawn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN claimed_place INTEGER;

-- place: of the queued set that this trial takes.
ALTER TABLE trial ADD COLUMN place INTEGER;

-- Searched parameters (JSON) in the order given, from place 0. token: so that no set is queued twice.
CREATE TABLE queued (
    run_key   INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    params    TEXT NOT NULL,
    token     TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    PRIMARY KEY (run_key, place)
);
