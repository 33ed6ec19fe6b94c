-- The delivery ids seen, each with the event it became: seen again, it is answered with that event.
CREATE TABLE delivery (
  source text COLLATE "C" NOT NULL,
  delivery_id text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  event_id uuid NOT NULL,
  CONSTRAINT delivery_pkey PRIMARY KEY (source, delivery_id)
);
SELECT make_immutable('delivery');
