-- What is kept of the traffic. Money in whole nano-dollars, times in seconds, moments in Unix seconds; NULL is unknown.

-- One row a request; outcome is NULL until its reply. What searches filter by stands first: the rest is not read then.
CREATE TABLE requests (
  decision_id TEXT NOT NULL,
  at_s REAL NOT NULL,
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
  without_usd REAL,
  reason TEXT,
  chosen_model TEXT,
  chosen_upstream TEXT,
  propensity REAL,
  difficulty REAL,
  language TEXT,
  expected_input_tokens INTEGER,
  expected_usd REAL,
  n_messages INTEGER,
  n_tools INTEGER,
  flags INTEGER,
  n_candidates INTEGER,
  pool TEXT,
  ineligible TEXT,
  status INTEGER,
  provider TEXT,
  is_streaming INTEGER,
  is_cached INTEGER,
  n_attempts INTEGER,
  input_tokens INTEGER,
  cached_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  output_tokens INTEGER,
  reasoning_tokens INTEGER,
  is_estimated INTEGER,
  cost_nanousd INTEGER,
  first_byte_s REAL,
  total_s REAL,
  overhead_s REAL,
  decide_s REAL,
  candidates BLOB,
  PRIMARY KEY (decision_id)
);

CREATE INDEX requests_at ON requests (at_s);
-- What is rare, and would have to be looked for in every row.
CREATE INDEX requests_session ON requests (session, at_s) WHERE session IS NOT NULL;
CREATE INDEX requests_error ON requests (error_code, at_s) WHERE error_code IS NOT NULL;

CREATE TABLE attempts (
  decision_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  at_s REAL NOT NULL,
  place INTEGER,
  model TEXT,
  upstream TEXT,
  provider TEXT,
  outcome TEXT,
  upstream_status INTEGER,
  stage TEXT,
  is_hedge INTEGER,
  after_s REAL,
  first_byte_s REAL,
  total_s REAL,
  input_tokens INTEGER,
  cached_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  output_tokens INTEGER,
  reasoning_tokens INTEGER,
  is_estimated INTEGER,
  cost_nanousd INTEGER,
  losses TEXT,
  PRIMARY KEY (decision_id, number)
) WITHOUT ROWID;

-- Only what the operator opted into, redacted where that was asked.
CREATE TABLE bodies (
  decision_id TEXT NOT NULL,
  at_s REAL NOT NULL,
  query TEXT,
  prompt TEXT,
  reply TEXT,
  PRIMARY KEY (decision_id)
);

CREATE INDEX bodies_at ON bodies (at_s);

CREATE TABLE opinions (
  opinion_id TEXT NOT NULL,
  decision_id TEXT NOT NULL,
  at_s REAL NOT NULL,
  tenant TEXT NOT NULL,
  key_name TEXT,
  score REAL,
  label TEXT,
  preferred_model TEXT,
  comment TEXT,
  weight REAL NOT NULL,
  PRIMARY KEY (opinion_id)
);

CREATE INDEX opinions_of ON opinions (decision_id);
CREATE INDEX opinions_at ON opinions (at_s);

CREATE TABLE shadows (
  decision_id TEXT NOT NULL,
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  at_s REAL NOT NULL,
  outcome TEXT,
  output_tokens INTEGER,
  cost_nanousd INTEGER,
  first_byte_s REAL,
  total_s REAL,
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
  span_s INTEGER NOT NULL,
  bucket_s INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  policy TEXT NOT NULL,
  kind TEXT NOT NULL,
  door TEXT NOT NULL,
  outcome TEXT NOT NULL,
  n INTEGER NOT NULL,
  n_cached INTEGER NOT NULL,
  n_unpriced INTEGER NOT NULL,
  n_attempts INTEGER NOT NULL,
  cost_nanousd INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cached_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  n_first INTEGER NOT NULL,
  first_byte_s REAL NOT NULL,
  total_s REAL NOT NULL,
  overhead_s REAL NOT NULL,
  PRIMARY KEY (span_s, bucket_s, tenant, model, upstream, policy, kind, door, outcome)
) WITHOUT ROWID;

-- What each candidate would have cost, beside what was really paid for the same requests.
CREATE TABLE rollup_arms (
  span_s INTEGER NOT NULL,
  bucket_s INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  model TEXT NOT NULL,
  upstream TEXT NOT NULL,
  n INTEGER NOT NULL,
  quality REAL NOT NULL,
  alternative_usd REAL NOT NULL,
  actual_usd REAL NOT NULL,
  saved_usd REAL NOT NULL,
  saved_usd_squared REAL NOT NULL,
  n_unpriced INTEGER NOT NULL,
  PRIMARY KEY (span_s, bucket_s, tenant, model, upstream)
) WITHOUT ROWID;

-- Delays by slot, a quarter of a doubling each: see delay_slots.py. The model '*' is all of them.
CREATE TABLE rollup_delays (
  span_s INTEGER NOT NULL,
  bucket_s INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  model TEXT NOT NULL,
  what TEXT NOT NULL,
  slot INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (span_s, model, bucket_s, tenant, what, slot)
) WITHOUT ROWID;

-- How far each writing process has come: a batch is taken once.
CREATE TABLE writers (
  writer TEXT NOT NULL,
  last_batch INTEGER NOT NULL,
  at_s REAL NOT NULL,
  PRIMARY KEY (writer)
);
