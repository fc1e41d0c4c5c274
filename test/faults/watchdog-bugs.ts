/** Group ids whose events trigger a bug in a worker that has loaded watchdog-preload.ts. */
export const BUGS = {
  neverSettles: 'bug-never-settles',
  stuck: 'bug-stuck',
  throws: 'bug-throws',
  rejects: 'bug-rejects',
  crashesClient: 'bug-crashes-client',
  haltsClient: 'bug-halts-client',
} as const
