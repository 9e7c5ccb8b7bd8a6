-- What is kept of the traffic. Money in whole nano-dollars, times in seconds, moments in Unix seconds; NULL is unknown.

-- One row a request; outcome is NULL until its reply. What searches filter by stands first: the rest is not read then.
CREATE TABLE requests (
  decision_id TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  tenant TEXT NOT NULL,
  model TEXT,
  outcome TEXT,
  policy TEXT,
  kind TEXT,
  key_name TEXT,
  upstream TEXT,
  session TEXT,
  error_code TEXT,
  door TEXT,
  asked TEXT,
  config_version TEXT,
  kept TEXT,
  without_model TEXT,
  without_usd DOUBLE PRECISION,
  reason TEXT,
  chosen_model TEXT,
  chosen_upstream TEXT,
  propensity DOUBLE PRECISION,
  difficulty DOUBLE PRECISION,
  language TEXT,
  expected_input_tokens BIGINT,
  expected_usd DOUBLE PRECISION,
  n_messages BIGINT,
  n_tools BIGINT,
  flags BIGINT,
  n_candidates BIGINT,
  pool TEXT,
  ineligible TEXT,
  status BIGINT,
  provider TEXT,
  is_streaming BIGINT,
  is_cached BIGINT,
  n_attempts BIGINT,
  input_tokens BIGINT,
  cached_read_tokens BIGINT,
  cache_write_tokens BIGINT,
  output_tokens BIGINT,
  reasoning_tokens BIGINT,
  is_estimated BIGINT,
  cost_nanousd BIGINT,
  first_byte_s DOUBLE PRECISION,
  total_s DOUBLE PRECISION,
  overhead_s DOUBLE PRECISION,
  decide_s DOUBLE PRECISION,
  candidates BYTEA,
  PRIMARY KEY (decision_id)
);

CREATE INDEX requests_at ON requests (at_s);
-- What is rare, and would have to be looked for in every row.
CREATE INDEX requests_session ON requests (session, at_s) WHERE session IS NOT NULL;
CREATE INDEX requests_error ON requests (error_code, at_s) WHERE error_code IS NOT NULL;

CREATE TABLE attempts (
  decision_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  place BIGINT,
  model TEXT,
  upstream TEXT,
  provider TEXT,
  outcome TEXT,
  upstream_status BIGINT,
  stage TEXT,
  is_hedge BIGINT,
  after_s DOUBLE PRECISION,
  first_byte_s DOUBLE PRECISION,
  total_s DOUBLE PRECISION,
  input_tokens BIGINT,
  cached_read_tokens BIGINT,
  cache_write_tokens BIGINT,
  output_tokens BIGINT,
  reasoning_tokens BIGINT,
  is_estimated BIGINT,
  cost_nanousd BIGINT,
  losses TEXT,
  PRIMARY KEY (decision_id, number)
);

-- Only what the operator opted into, redacted where that was asked.
CREATE TABLE bodies (
  decision_id TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  query TEXT,
  prompt TEXT,
  reply TEXT,
  PRIMARY KEY (decision_id)
);

CREATE INDEX bodies_at ON bodies (at_s);

CREATE TABLE opinions (
  opinion_id TEXT NOT NULL,
  decision_id TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  tenant TEXT NOT NULL,
  key_name TEXT,
  score DOUBLE PRECISION,
  label TEXT,
  preferred_model TEXT,
  comment TEXT,
  weight DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (opinion_id)
);

CREATE INDEX opinions_of ON opinions (decision_id);
CREATE INDEX opinions_at ON opinions (at_s);

CREATE TABLE shadows (
  decision_id TEXT NOT NULL,
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  outcome TEXT,
  output_tokens BIGINT,
  cost_nanousd BIGINT,
  first_byte_s DOUBLE PRECISION,
  total_s DOUBLE PRECISION,
  reply TEXT,
  PRIMARY KEY (decision_id, model, upstream)
);

-- The arms that candidates are counted in, once for each configuration: a JSON list of [model, upstream, provider].
CREATE TABLE pools (
  pool TEXT NOT NULL,
  arms TEXT NOT NULL,
  PRIMARY KEY (pool)
);

-- Sums by minute (span_s 60), hour (3600) and day (86400, UTC), kept by the writer in the transaction of the rows themselves.
CREATE TABLE rollups (
  span_s BIGINT NOT NULL,
  bucket_s BIGINT NOT NULL,
  tenant TEXT NOT NULL,
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  policy TEXT NOT NULL,
  kind TEXT NOT NULL,
  door TEXT NOT NULL,
  outcome TEXT NOT NULL,
  n BIGINT NOT NULL,
  n_cached BIGINT NOT NULL,
  n_unpriced BIGINT NOT NULL,
  n_attempts BIGINT NOT NULL,
  cost_nanousd BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  cached_read_tokens BIGINT NOT NULL,
  cache_write_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  n_first BIGINT NOT NULL,
  first_byte_s DOUBLE PRECISION NOT NULL,
  total_s DOUBLE PRECISION NOT NULL,
  overhead_s DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (span_s, bucket_s, tenant, model, upstream, policy, kind, door, outcome)
);

-- What each candidate would have cost, beside what was really paid for the same requests.
CREATE TABLE rollup_arms (
  span_s BIGINT NOT NULL,
  bucket_s BIGINT NOT NULL,
  tenant TEXT NOT NULL,
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  n BIGINT NOT NULL,
  quality DOUBLE PRECISION NOT NULL,
  alternative_usd DOUBLE PRECISION NOT NULL,
  actual_usd DOUBLE PRECISION NOT NULL,
  saved_usd DOUBLE PRECISION NOT NULL,
  saved_usd_squared DOUBLE PRECISION NOT NULL,
  n_unpriced BIGINT NOT NULL,
  PRIMARY KEY (span_s, bucket_s, tenant, model, upstream)
);

-- Delays by slot, a quarter of a doubling each: see delay_slots.py. The model '*' is all of them.
CREATE TABLE rollup_delays (
  span_s BIGINT NOT NULL,
  bucket_s BIGINT NOT NULL,
  tenant TEXT NOT NULL,
  model TEXT NOT NULL,
  what TEXT NOT NULL,
  slot BIGINT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (span_s, model, bucket_s, tenant, what, slot)
);

-- How far each writing process has come: a batch is taken once.
CREATE TABLE writers (
  writer TEXT NOT NULL,
  last_batch BIGINT NOT NULL,
  at_s DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (writer)
);
