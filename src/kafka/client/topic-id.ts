/**
 * A topic that is deleted and made again keeps its name, but not its id. Kafka drops the
 * group's offsets with it; a worker that did not notice would read on where it stood in the
 * former topic, pass over the first records of the new one, and commit that. So:
 *
 * - a group member knows the id from before it joins, looks at it with every refresh of its
 *   metadata (`metadataMaxAge`), and joins again where it changed;
 * - its commits carry the id, and one of a former topic does not count, whoever made it.
 */

import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  METADATA_VERSION,
  type PartitionMetadata,
} from '../wire/metadata-request.ts'
import { committedBy } from './commit-metadata.ts'

/** Logged by a consumer before it joins, with `topicId`: of the topic that it will read. */
export const TOPIC_ID = 'About to join the group that reads this topic'

type Parts = (part: string) => unknown

/** @param parts of kafkajs, by their path */
export function amendTopicIds(parts: Parts): void {
  amendMetadata(parts)
  amendMembership(parts)
  amendPositions(parts)
}

/** @returns undefined where the brokers are older than ids (Kafka 2.8), or there is no such topic */
export function topicIdOf(partitions: readonly object[] | undefined): string | undefined {
  const [first] = (partitions ?? []) as readonly Partial<PartitionMetadata>[]
  return first?.topicId
}

/** What kafkajs knows stays as it is, for brokers that know no more. */
function amendMetadata(parts: Parts): void {
  const metadata = parts('protocol/requests/metadata/index.js') as RequestDefinition
  const { parse } = parts('protocol/requests/metadata/v0/response.js') as { parse: unknown }
  const { Metadata: apiKey } = parts('protocol/requests/apiKeys.js') as { Metadata: number }
  const Encoder = parts('protocol/encoder.js') as EncoderClass
  const latest = Math.max(...metadata.versions.map(Number))
  const { protocol } = metadata
  metadata.versions.push(String(METADATA_VERSION))
  metadata.protocol = ({ version }) => {
    if (version < METADATA_VERSION) return protocol({ version: Math.min(version, latest) })
    return ({ topics, allowAutoTopicCreation = true }) => ({
      request: {
        apiKey,
        apiVersion: METADATA_VERSION,
        apiName: 'Metadata',
        encode: async () =>
          new Encoder().writeBuffer(encodeMetadataRequest(topics, allowAutoTopicCreation)),
      },
      response: { decode: async (bytes) => decodeMetadataResponse(bytes), parse },
    })
  }
}

function amendMembership(parts: Parts): void {
  const { prototype } = parts('consumer/consumerGroup.js') as { prototype: ConsumerGroup }
  const { KafkaJSStaleTopicMetadataAssignment: Stale } = parts('errors.js') as Errors
  const { joinAndSync, checkForStaleAssignment } = prototype
  prototype.joinAndSync = async function () {
    await this.cluster.refreshMetadataIfNecessary()
    const [topic] = this.topicsSubscribed
    this.topicId = currentId(this.cluster, topic)
    this.logger.info(TOPIC_ID, { topic, topicId: this.topicId })
    await joinAndSync.call(this)
  }
  prototype.checkForStaleAssignment = function () {
    checkForStaleAssignment.call(this)
    const [topic] = this.topicsSubscribed
    const id = currentId(this.cluster, topic)
    // without one, the brokers are of several versions
    if (id === undefined || this.topicId === undefined || id === this.topicId) return
    throw new Stale('The topic was made anew', { topic, unknownPartitions: [] })
  }
}

/** Reading begins at the start, too, where the commit is of a former topic. */
function amendPositions(parts: Parts): void {
  const { prototype } = parts('consumer/offsetManager/index.js') as { prototype: OffsetManager }
  const { getCoordinator } = prototype
  prototype.getCoordinator = async function () {
    const coordinator = await getCoordinator.call(this)
    const offsetFetch: Coordinator['offsetFetch'] = async (request) => {
      const answer = await coordinator.offsetFetch(request)
      const responses = answer.responses.map(({ topic, partitions }) => {
        const id = currentId(this.cluster, topic)
        return { topic, partitions: partitions.map((commit) => withoutFormer(commit, id)) }
      })
      return { ...answer, responses }
    }
    return Object.assign(Object.create(coordinator), { offsetFetch })
  }
}

function withoutFormer(commit: Commit, topicId: string | undefined): Commit {
  const isFormer = committedBy(commit.metadata, topicId) === 'worker of a former topic'
  return isFormer ? { ...commit, offset: NO_OFFSET } : commit
}

/** Kafka's own answer where there is no commit. */
const NO_OFFSET = '-1'

function currentId(cluster: KnownCluster, topic: string | undefined): string | undefined {
  return topic === undefined ? undefined : topicIdOf(cluster.findTopicPartitionMetadata(topic))
}

interface RequestDefinition {
  readonly versions: string[]
  protocol(asked: { version: number }): (asked: MetadataQuestion) => {
    readonly request: object
    readonly response: { decode(bytes: Buffer): Promise<object>; parse: unknown }
  }
}

interface MetadataQuestion {
  readonly topics: readonly string[]
  readonly allowAutoTopicCreation?: boolean
}

type EncoderClass = new () => { writeBuffer(bytes: Buffer): object }

interface Errors {
  readonly KafkaJSStaleTopicMetadataAssignment: new (message: string, facts: object) => Error
}

interface KnownCluster {
  refreshMetadataIfNecessary(): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly object[]
}

interface ConsumerGroup {
  readonly cluster: KnownCluster
  readonly topicsSubscribed: readonly string[]
  readonly logger: { info(message: string, facts: object): void }
  topicId?: string | undefined
  joinAndSync(this: ConsumerGroup): Promise<void>
  checkForStaleAssignment(this: ConsumerGroup): void
}

interface OffsetManager {
  readonly cluster: KnownCluster
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
