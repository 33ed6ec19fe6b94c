-- Why a rebuild by this build could not be finished, while it is building: for people who wait for it. Null: nothing is
-- known, or it goes on.
ALTER TABLE projector.build ADD COLUMN failure text;
