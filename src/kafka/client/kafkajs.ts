/**
 * kafkajs 2.2.4, with some of its parts amended. It had no release since 2023, so what is
 * wrong in it stays wrong; its version is pinned, and tests hold each amendment in place.
 */
import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'
import { decodeFetchResponse, type FetchLimits } from '../wire/fetch-response.ts'
import type { FetchedRecord } from '../wire/record-batch.ts'
import { amendTopicIds } from './topic-id.ts'

// through `require`, so that it shares its modules with the amendments below
const require = createRequire(import.meta.url)
const PARTS = 'kafkajs/src'

export type * from 'kafkajs'
export const kafkajs: typeof Kafkajs = require('kafkajs')

/**
 * Amends kafkajs for this process; a later call changes the limit only.
 *
 * @param maxBatchBytes what one batch may become in memory
 */
export function amendKafkajs(maxBatchBytes: number): void {
  limits = { ...limits, maxBatchBytes, enoughBytes: Math.min(ENOUGH_BYTES, maxBatchBytes) }
  if (isAmended) return
  isAmended = true
  amendFetchResponses()
  amendRequestQueue()
  amendBrokerPool()
  amendOffsetRecovery()
  amendTopicIds((part) => require(`${PARTS}/${part}`))
}

let isAmended = false

/** What the batches of one fetch response may become together, but for the last of them. */
const ENOUGH_BYTES = 5 * 1024 * 1024

let limits: FetchLimits = {
  maxBatchBytes: 0,
  enoughBytes: 0,
  decodeOldFormat: async (recordSet) => {
    const Decoder: new (bytes: Buffer) => object = require(`${PARTS}/protocol/decoder`)
    const decodeMessages: (decoder: object) => Promise<FetchedRecord[]> = require(
      `${PARTS}/protocol/requests/fetch/v4/decodeMessages`,
    )
    return await decodeMessages(new Decoder(recordSet))
  },
}

/** See record-batch.ts and fetch-response.ts for what is wrong with kafkajs' own. */
function amendFetchResponses(): void {
  for (let version = 4; version <= 11; version++) {
    const response: { decode(bytes: Buffer): Promise<unknown> } = require(
      `${PARTS}/protocol/requests/fetch/v${version}/response`,
    )
    response.decode = (bytes) => decodeFetchResponse(bytes, version, limits)
  }
}

/**
 * Every answer schedules a look at the requests that wait, also where none does: some 700
 * timers a second, each with a negative time, which Node warns of on stderr.
 */
function amendRequestQueue(): void {
  const RequestQueue: RequestQueueClass = require(`${PARTS}/network/requestQueue`)
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}

/**
 * A request that any broker can answer is tried on each, and the errors are dropped: without
 * the right to the group, the coordinator is simply "not found", as in an outage.
 */
function amendBrokerPool(): void {
  const BrokerPool: { prototype: BrokerPool } = require(`${PARTS}/cluster/brokerPool`)
  const withBroker = BrokerPool.prototype.withBroker
  BrokerPool.prototype.withBroker = async function (ask) {
    let lastError: unknown
    const answer = await withBroker.call(this, async (choice) => {
      try {
        return await ask(choice)
      } catch (error) {
        lastError = error
        throw error
      }
    })
    if (answer === null && lastError !== undefined) throw lastError
    return answer
  }
}

/** Logged by a consumer once its position is not in the topic, with `offset`: where it stood. */
export const OUT_OF_RANGE = 'Reading stood at an offset that is out of range'

/** kafkajs forgets where it stood before anybody could know. */
function amendOffsetRecovery(): void {
  const ConsumerGroup: { prototype: ConsumerGroup } = require(`${PARTS}/consumer/consumerGroup`)
  const recover = ConsumerGroup.prototype.recoverFromOffsetOutOfRange
  ConsumerGroup.prototype.recoverFromOffsetOutOfRange = async function (error) {
    const { topic, partition } = error
    // of a follower that lags it is no news: then the leader is asked
    if (typeof this.preferredReadReplicasPerTopicPartition[topic]?.[partition] !== 'number') {
      const offset = String(this.offsetManager.nextOffset(topic, partition))
      this.logger.info(OUT_OF_RANGE, { topic, partition, offset })
    }
    await recover.call(this, error)
  }
}

interface ConsumerGroup {
  readonly preferredReadReplicasPerTopicPartition: Record<string, Record<number, unknown>>
  readonly offsetManager: { nextOffset(topic: string, partition: number): unknown }
  readonly logger: { info(message: string, facts: object): void }
  recoverFromOffsetOutOfRange(
    this: ConsumerGroup,
    error: { readonly topic: string; readonly partition: number },
  ): Promise<void>
}

interface BrokerPool {
  withBroker(this: BrokerPool, ask: (choice: unknown) => Promise<unknown>): Promise<unknown>
}

interface RequestQueueClass {
  readonly prototype: { scheduleCheckPendingRequests(this: RequestQueue): void }
}

interface RequestQueue {
  readonly pending: readonly unknown[]
}

/** The part of kafkajs that knows the brokers, for requests that it has no function for. */
export interface Cluster {
  connect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  findTopicPartitionMetadata(topic: string): { readonly leader: number }[]
  findBroker(node: { nodeId: number }): Promise<Broker>
  refreshMetadata(): Promise<void>
  findGroupCoordinator(group: { groupId: string }): Promise<Broker>
  disconnect(): Promise<void>
}

export interface Broker {
  produce(request: object): Promise<unknown>
  leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>
}

export function clusterOf(client: Kafkajs.Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const parts: Record<symbol, unknown> = { ...client }
  const createCluster = symbol && parts[symbol]
  if (typeof createCluster !== 'function') throw new TypeError('kafkajs hides its cluster')
  return createCluster({ allowAutoTopicCreation: false })
}
