/**
 * The metadata text of an offset commit, as our workers write it:
 *
 *     metadata = "group-traits" [" " topicId]
 *
 * It distinguishes a worker's commit from one that was set by hand. The topic id is there because a
 * recreated topic keeps its name: a worker that has not noticed yet still commits offsets of the
 * former topic under that name.
 */
const WORKER = 'group-traits'

/** @param topicId undefined if the brokers assign no topic ids (before Kafka 2.8) */
export function commitMetadata(topicId: string | undefined): string {
  return topicId === undefined ? WORKER : `${WORKER} ${topicId}`
}

/**
 * Returns who committed. A worker's commit without a topic id counts as one for this topic.
 *
 * @param topicId of the topic as it is now
 */
export function committedBy(
  metadata: string | null | undefined,
  topicId: string | undefined,
): 'worker' | 'worker of a former topic' | 'nobody' {
  const [name, id = topicId] = (metadata ?? '').split(' ')
  if (name !== WORKER) return 'nobody'
  return topicId === undefined || id === topicId ? 'worker' : 'worker of a former topic'
}
