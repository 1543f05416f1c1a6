-- oldest_writer: 2
-- How many replicates were decided on for a trial when it was proposed (`replicates: {min, max}`); NULL: as many as the run has.
-- Writers of version 3 go on with their runs, whose trials have none: they cannot read a spec that has such a range.
ALTER TABLE trial ADD COLUMN wanted INTEGER;
