-- oldest_writer: 2
-- Kish's effective sample size of a likelihood, in replicates; NULL for other losses, for trials that did not complete, and
-- for trials that older versions wrote or still write.
ALTER TABLE trial ADD COLUMN effective_sample_size REAL;

DROP VIEW results;

-- For users: SELECT * FROM results WHERE run = 'boarding-school' ORDER BY loss;
CREATE VIEW results AS
SELECT r.run_id AS run, t.number AS trial, t.status, t.loss, t.loss_se,
       c.loss AS confirmed_loss, c.loss_se AS confirmed_loss_se, t.stopped_early, t.replicates, t.params,
       t.failure, t.error, t.worker, t.proposed_at AS started, t.finished_at AS finished, t.seconds, t.param_id,
       t.effective_sample_size, c.effective_sample_size AS confirmed_effective_sample_size
  FROM trial t
  JOIN run r ON r.run_key = t.run_key
  LEFT JOIN trial c ON c.run_key = t.run_key AND c.phase = 'confirm' AND c.number = t.number
 WHERE t.phase = 'search' AND t.status <> 'WITHDRAWN';
