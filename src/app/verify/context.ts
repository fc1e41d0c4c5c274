/** What all steps of a verification share. */
import type { Log } from '../../pipeline/ports.ts'
import type { Retry } from '../../pipeline/retry.ts'
import type { RedisConnection } from '../../redis/connection/connection.ts'
import type { Config } from '../config/config.ts'
import type { Offsets } from '../topic-reader.ts'
import type { TopicView } from '../topic-view.ts'
import type { Tally } from './tally.ts'

export interface VerificationOptions {
  readonly config: Pick<Config, 'kafka' | 'events'>
  readonly log: Log
  readonly redis: RedisConnection
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal: AbortSignal
  /** About how much memory the folded groups of one pass may take, in bytes. */
  readonly maxBytes: number
  /** How many differences are listed; all are counted. */
  readonly limit: number
  /** How long the workers may make no progress before the verification fails. */
  readonly workersTimeoutMs: number
  /** Retries while Kafka or Redis is away. */
  readonly retry: { readonly kafka: Retry; readonly redis: Retry }
  readonly onStep: (step: Step) => void
}

export interface VerificationContext extends VerificationOptions {
  readonly topic: TopicView
  /** Where the topic ended when the verification began. */
  readonly ends: Offsets
  readonly tally: Tally
  /** Resolves once the workers have merged all records before these offsets. */
  waitForWorkers(ends: Offsets): Promise<void>
}

/** What is being done; reported again and again as it goes on. */
export type Step =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'waiting'; readonly lag: bigint }
  | ReadingStep
  | {
      readonly kind: 'comparing'
      readonly pass: number
      readonly groups: number
      readonly total: number
    }
  | { readonly kind: 'rechecking'; readonly groups: number }
  | { readonly kind: 'index'; readonly entries: number }

interface ReadingStep {
  readonly kind: 'reading'
  readonly pass: number
  /** The share of all groups, from 0 to 1, that earlier passes have compared. */
  readonly share: number
  /** Records that this pass has read, of `total`. */
  readonly records: number
  readonly total: number
}
