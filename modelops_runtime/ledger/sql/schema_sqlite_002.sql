-- oldest_writer: 2
-- A run may be paused, and sets may be queued for its next trials. A writer of version 1 would number the draws
-- wrongly (as if no trial took its set from the queue), and would not find a trial's set in the queue.
-- space: the searched parameters (JSON), with the bounds of the model's class; NULL for runs of version 1.
ALTER TABLE run ADD COLUMN space TEXT;

-- queued: number of sets given so far; taken: how many of them trials took; undrawn: how many numbers have such a set and
-- no draw. claimed_place: place of the set that the number reserved last took.
ALTER TABLE run_state ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN undrawn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_state ADD COLUMN claimed_place INTEGER;

-- place: that of the set in the queue that this trial takes.
ALTER TABLE trial ADD COLUMN place INTEGER;

-- Searched parameters (JSON) in the order given, from place 0. token: of the call, so that a repetition queues no set twice.
CREATE TABLE queued (
    run_key   INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    params    TEXT NOT NULL,
    token     TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    PRIMARY KEY (run_key, place)
);
