-- What failed is what one looks for, and is rare.
CREATE INDEX requests_failed ON requests (at_s) WHERE outcome <> 'ok';
