/** The error of one who names a source that is not there, or revoked. */
export function missingSource(name: string): Error {
  return new Error(`there is no source ${JSON.stringify(name)} in use. hookfold source list shows all.`);
}
