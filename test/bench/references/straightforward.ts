/**
 * The obvious first version of a worker, as a reference. For each message it sends one HGET of the
 * group's time and, if the event is later, one HSET of its traits. It has no dead letters, compares
 * whole events instead of single traits, and has no members.
 */
import { asFields, openReference, parseEvent } from './reference.ts'

const { consumer, redis, keyOf } = await openReference()

await consumer.run({
  eachMessage: async ({ message }) => {
    const event = parseEvent(message.value)
    if (event === undefined) return
    const key = keyOf(event)
    if (Number(await redis.hget(key, 'updated_at')) >= event.time) return
    await redis.hset(key, asFields(event))
  },
})
