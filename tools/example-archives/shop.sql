-- The database behind examples/archives: small, and the same at every run.
CREATE TABLE customer (
  id integer PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  joined date NOT NULL
);
CREATE TABLE purchase (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customer,
  article text NOT NULL,
  cents integer NOT NULL CHECK (cents > 0),
  at timestamptz NOT NULL
);
CREATE INDEX purchase_customer ON purchase (customer_id);
CREATE VIEW best_customer AS
  SELECT customer.name, sum(cents) AS cents FROM customer JOIN purchase ON customer.id = customer_id
  GROUP BY customer.name ORDER BY 2 DESC LIMIT 10;

INSERT INTO customer
  SELECT i, 'Customer ' || i, 'customer' || i || '@shop.example', date '2024-01-01' + i % 700
  FROM generate_series(1, 400) AS i;
INSERT INTO purchase
  SELECT i, 1 + (i * 7919) % 400, 'Article ' || md5((i % 97)::text), 1 + (i * 104729) % 50000,
         timestamptz '2024-06-01 00:00:00+00' + i * interval '7 minutes'
  FROM generate_series(1, 6000) AS i;
ANALYZE;
