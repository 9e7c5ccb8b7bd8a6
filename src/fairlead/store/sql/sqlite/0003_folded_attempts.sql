-- A request's only attempt that says nothing else than its reply is folded: it has no row of its own, and what it alone
-- knows stands in its request's row. Then attempt_at_s is not NULL.
ALTER TABLE attempts RENAME TO attempts_apart;

ALTER TABLE requests ADD COLUMN attempt_at_s REAL;
ALTER TABLE requests ADD COLUMN attempt_after_s REAL;
ALTER TABLE requests ADD COLUMN attempt_first_byte_s REAL;
ALTER TABLE requests ADD COLUMN attempt_total_s REAL;

CREATE VIEW attempts_folded AS SELECT
  decision_id,
  1 AS number,
  attempt_at_s AS at_s,
  0 AS place,
  model,
  upstream,
  provider,
  outcome,
  status AS upstream_status,
  CASE is_streaming WHEN 1 THEN 'speaking' ELSE 'whole' END AS stage,
  0 AS is_hedge,
  attempt_after_s AS after_s,
  attempt_first_byte_s AS first_byte_s,
  attempt_total_s AS total_s,
  input_tokens,
  cached_read_tokens,
  cache_write_tokens,
  output_tokens,
  reasoning_tokens,
  is_estimated,
  cost_nanousd,
  NULL AS losses
FROM requests WHERE attempt_at_s IS NOT NULL;

-- All of them, whichever way they are kept.
CREATE VIEW attempts AS SELECT
  decision_id, number, at_s, place, model, upstream, provider, outcome, upstream_status, stage, is_hedge, after_s,
  first_byte_s, total_s, input_tokens, cached_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
  is_estimated, cost_nanousd, losses
FROM attempts_apart UNION ALL SELECT
  decision_id, number, at_s, place, model, upstream, provider, outcome, upstream_status, stage, is_hedge, after_s,
  first_byte_s, total_s, input_tokens, cached_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
  is_estimated, cost_nanousd, losses
FROM attempts_folded;
