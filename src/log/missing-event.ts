/** The log has no event where one must be: a partition was archived away, or the log is older than its reader. */
export class EventMissing extends Error {
  readonly code = 'HOOKFOLD_EVENT_MISSING';
  constructor(readonly position: number) {
    super(
      `the log has no event at position ${position}, though it has later ones, or had them. ` +
        'Attach the partition that was archived, or restore a newer log; hookfold verify log tells what is there.',
    );
  }
}
