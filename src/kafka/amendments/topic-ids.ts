/**
 * Amendment: topic ids.
 *
 * Wrong in kafkajs: it knows a topic by its name only. A topic that is deleted and recreated keeps
 * its name but not its id. Kafka drops the group's offsets with the former topic, but a worker that
 * did not notice reads on at its position in the former topic, skips the first records of the new
 * one, and commits that. (The Java client had the same bug: KAFKA-12257.)
 * Changed:
 * - a consumer notes the topic id before it joins the group, and passes it to `onTopicId`: its
 *   commits carry the id, see commit-metadata.ts;
 * - at every refresh of its metadata (`metadataMaxAge`) it compares the ids, and joins again if
 *   the id has changed;
 * - when it asks for committed offsets, a commit that a worker made for a former topic counts as
 *   none, so that reading begins at the start.
 * Can go when: kafkajs sends topic ids with its fetches and commits (KIP-516).
 */
import { committedBy } from '../wire/commit-metadata.ts'
import { topicIdOf } from '../wire/metadata-request.ts'
import { hooksOf, type OfClient } from './client-hooks.ts'
import { type Load, loadPart, loadPrototype } from './kafkajs-parts.ts'

export function amendTopicIds(load: Load): void {
  amendMembership(load)
  amendCommittedOffsets(load)
}

function amendMembership(load: Load): void {
  const group = loadPrototype<ConsumerGroup>(load, 'consumer/consumerGroup', {
    joinAndSync: 0,
    checkForStaleAssignment: 0,
  })
  const errors = loadPart<Errors>(load, 'errors', { KafkaJSStaleTopicMetadataAssignment: 1 })
  const { joinAndSync, checkForStaleAssignment } = group
  group.joinAndSync = async function () {
    await this.cluster.refreshMetadataIfNecessary()
    this.topicId = currentTopicId(this.cluster, this.topicsSubscribed[0])
    hooksOf(this.cluster)?.onTopicId?.(this.topicId)
    await joinAndSync.call(this)
  }
  group.checkForStaleAssignment = function () {
    checkForStaleAssignment.call(this)
    const [topic] = this.topicsSubscribed
    const topicId = currentTopicId(this.cluster, topic)
    // an id is missing if brokers of several versions answer in turn: that is no change
    if (topicId === undefined || this.topicId === undefined || topicId === this.topicId) return
    throw new errors.KafkaJSStaleTopicMetadataAssignment('The topic was recreated', {
      topic,
      unknownPartitions: [],
    })
  }
}

function amendCommittedOffsets(load: Load): void {
  const offsets = loadPrototype<OffsetManager>(load, 'consumer/offsetManager', {
    getCoordinator: 0,
  })
  const { getCoordinator } = offsets
  offsets.getCoordinator = async function () {
    const coordinator = await getCoordinator.call(this)
    const offsetFetch: Coordinator['offsetFetch'] = async (request) => {
      const answer = await coordinator.offsetFetch(request)
      const responses = answer.responses.map(({ topic, partitions }) => {
        const topicId = currentTopicId(this.cluster, topic)
        return { topic, partitions: partitions.map((commit) => withoutFormer(commit, topicId)) }
      })
      return { ...answer, responses }
    }
    return Object.create(coordinator, { offsetFetch: { value: offsetFetch } })
  }
}

function withoutFormer(commit: Commit, topicId: string | undefined): Commit {
  const isFormer = committedBy(commit.metadata, topicId) === 'worker of a former topic'
  return isFormer ? { ...commit, offset: NO_OFFSET } : commit
}

/** What Kafka itself answers if there is no commit. */
const NO_OFFSET = '-1'

function currentTopicId(cluster: Cluster, topic: string | undefined): string | undefined {
  return topic === undefined ? undefined : topicIdOf(cluster.findTopicPartitionMetadata(topic))
}

interface Errors {
  readonly KafkaJSStaleTopicMetadataAssignment: new (message: string, facts: object) => Error
}

interface Cluster extends OfClient {
  refreshMetadataIfNecessary(): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly object[]
}

interface ConsumerGroup {
  readonly cluster: Cluster
  readonly topicsSubscribed: readonly string[]
  /** Ours: of the topic as it was before the group was joined. */
  topicId?: string | undefined
  joinAndSync(this: ConsumerGroup): Promise<void>
  checkForStaleAssignment(this: ConsumerGroup): void
}

interface OffsetManager {
  readonly cluster: Cluster
  getCoordinator(this: OffsetManager): Promise<Coordinator>
}

interface Coordinator {
  offsetFetch(request: object): Promise<{
    readonly responses: readonly {
      readonly topic: string
      readonly partitions: readonly Commit[]
    }[]
  }>
}

interface Commit {
  readonly offset: string
  readonly metadata: string | null
}
