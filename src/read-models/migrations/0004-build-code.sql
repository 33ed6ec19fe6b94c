-- Which code folds a build while it is building: only the same goes on with it, so that a table never holds rows of two
-- codes of one version. Null: it is not known.
ALTER TABLE projector.build ADD COLUMN code text;
