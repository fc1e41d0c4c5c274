/**
 * A faster version of the straightforward worker, with the same features and omissions. For each
 * batch, it reads the times of all groups in one pipeline, and writes the later events in another.
 * It processes several partitions at once.
 */
import { asFields, openReference, parseEvent } from './reference.ts'

const { consumer, redis, keyOf } = await openReference()

await consumer.run({
  partitionsConsumedConcurrently: 3,
  eachBatch: async ({ batch }) => {
    const events = batch.messages.map(({ value }) => parseEvent(value))
    const times = await readTimes(events)
    const writes = redis.pipeline()
    for (const event of events) {
      if (event === undefined) continue
      const key = keyOf(event)
      if ((times.get(key) ?? 0) >= event.time) continue
      times.set(key, event.time)
      writes.hset(key, asFields(event))
    }
    await execute(writes)
  },
})

/** Reads the time of every group in the batch, by its key. */
async function readTimes(
  events: readonly ReturnType<typeof parseEvent>[],
): Promise<Map<string, number>> {
  const keys = [...new Set(events.filter((event) => event !== undefined).map(keyOf))]
  const reads = redis.pipeline()
  for (const key of keys) reads.hget(key, 'updated_at')
  const times = await execute(reads)
  return new Map(keys.map((key, i) => [key, Number(times[i])]))
}

async function execute(pipeline: ReturnType<typeof redis.pipeline>): Promise<unknown[]> {
  const answers = (await pipeline.exec()) ?? []
  return answers.map(([error, answer]) => {
    if (error) throw error
    return answer
  })
}
