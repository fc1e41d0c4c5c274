/** What scenarios run with: the servers, the topics and the options. */
import { randomUUID } from 'node:crypto'
import { counted } from '../../src/cli/output/counted.ts'
import type { Workload } from './generator.ts'
import type { Progress } from './progress.ts'
import type { Servers } from './servers.ts'
import { type FilledTopic, fillTopic, removeFromKafka, type TopicContent } from './topic.ts'

export interface BenchContext {
  readonly servers: Servers
  readonly progress: Progress
  readonly events: number
  readonly repeat: number
  /** Returns a topic with this content, which is filled at the first use and only read after. */
  topic(content: TopicOptions): Promise<FilledTopic>
  close(): Promise<void>
}

export interface TopicOptions extends Partial<Pick<TopicContent, 'partitions' | 'compression'>> {
  readonly workload: Workload
}

interface ContextOptions {
  readonly events: number
  readonly seed: number
  readonly repeat: number
}

const DEFAULT_PARTITIONS = 4
/** More would fill the disk. Scenarios that share a topic run one after the other. */
const KEPT_TOPICS = 3

export function createBenchContext(
  servers: Servers,
  progress: Progress,
  options: ContextOptions,
): BenchContext {
  const topics = new Map<string, FilledTopic>()
  const { events, seed } = options

  const remove = async (key: string, { topic }: FilledTopic) => {
    topics.delete(key)
    await removeFromKafka(servers.admin, topic)
  }
  return {
    ...options,
    servers,
    progress,
    async topic({ workload, partitions = DEFAULT_PARTITIONS, compression = 'none' }) {
      const key = [workload.name, partitions, compression].join(' ')
      const kept = topics.get(key)
      topics.delete(key)
      const filled = kept ?? (await fill({ workload, partitions, compression }))
      topics.set(key, filled)
      for (const [key, oldest] of topics) if (topics.size > KEPT_TOPICS) await remove(key, oldest)
      return filled
    },
    async close() {
      for (const [key, filled] of topics) await remove(key, filled)
    },
  }

  async function fill(content: Required<TopicOptions>): Promise<FilledTopic> {
    const { workload, partitions, compression } = content
    const count = Math.ceil(events / workload.weight)
    const codec = compression === 'none' ? '' : `, ${compression}`
    const into = counted(partitions, 'partition')
    const what = `filling ${into} with ${counted(count, 'event')} (${workload.name}${codec})`
    const topic = `bench-${randomUUID()}`
    try {
      const onProgress = progress.step(what, count)
      return await fillTopic(servers, topic, { ...content, count, seed }, onProgress)
    } catch (error) {
      await removeFromKafka(servers.admin, topic)
      throw error
    }
  }
}
