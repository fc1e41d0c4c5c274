/** Measures kafkajs alone: fetches all records; with `--parse`, also parses their JSON. */
import { openConsumer } from './reference.ts'

const parses = process.argv.includes('--parse')
const consumer = await openConsumer()

await consumer.run({
  eachBatch: async ({ batch }) => {
    if (parses) for (const { value } of batch.messages) parse(String(value))
  },
})

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // some records are invalid on purpose
  }
}
