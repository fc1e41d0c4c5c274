/**
 * Commits of workers say that they are, and of which topic, by its id: one that is made anew
 * keeps its name, and a worker that does not know of it yet commits for the former one.
 */
const WORKER = 'group-traits'

/** @param topicId undefined where the brokers give topics none */
export function commitMetadata(topicId: string | undefined): string {
  return topicId === undefined ? WORKER : `${WORKER} ${topicId}`
}

/** A commit that was set by hand is nobody's; one without an id is taken for this topic's. */
export function committedBy(
  metadata: string | null | undefined,
  topicId: string | undefined,
): 'worker' | 'worker of a former topic' | 'nobody' {
  const [name, id = topicId] = (metadata ?? '').split(' ')
  if (name !== WORKER) return 'nobody'
  return topicId === undefined || id === topicId ? 'worker' : 'worker of a former topic'
}
