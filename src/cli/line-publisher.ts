import { type Publisher, RecordRejected } from '../kafka/producer/publisher.ts'
import { type EventLine, problemLines } from './event-lines.ts'
import { counted } from './output/counted.ts'
import { printable } from './output/printable.ts'
import type { Progress } from './output/progress.ts'

export interface Sums {
  sent: number
  rejected: number
  /** Events of another type, which the worker would ignore. */
  ignored: number
}

/**
 * Publishes the valid lines, and reports what is wrong with the others. The next list is read only
 * after Kafka has acknowledged the previous one, so memory is bounded.
 *
 * @throws Unavailable, NotRetriable
 */
export async function publishLines(
  lists: AsyncIterable<readonly EventLine[]>,
  publisher: Publisher,
  progress: Progress,
): Promise<Sums> {
  const sums: Sums = { sent: 0, rejected: 0, ignored: 0 }
  const reject = (text: string) => {
    sums.rejected++
    progress.say(text)
  }
  for await (const lines of lists) {
    const records: LineRecord[] = []
    for (const { number, bytes, decoded } of lines) {
      if (decoded.kind === 'rejected') reject(problemLines(number, decoded))
      else if (decoded.kind === 'ignored') sums.ignored++
      else records.push({ number, key: decoded.groupId, value: bytes })
    }
    sums.sent += await publishAll(records, publisher, ({ number }, message) =>
      reject(printable(`line ${number}: ${message}`)),
    ).catch((error) => {
      progress.say(
        `${counted(sums.sent, 'event')} ${sums.sent === 1 ? 'was' : 'were'} sent before that. Publish the file again: a duplicate changes nothing`,
      )
      throw error
    })
    progress.done(lines.length)
  }
  return sums
}

interface LineRecord {
  readonly number: number
  readonly key: string
  readonly value: Buffer
}

/** Publishes the records, and skips those that the topic rejects. Returns how many were published. */
async function publishAll(
  records: readonly LineRecord[],
  publisher: Publisher,
  onRejected: (record: LineRecord, message: string) => void,
): Promise<number> {
  let rejected = 0
  for (let rest = records; rest.length > 0; ) {
    try {
      await publisher.publish(rest.map(({ key, value }) => ({ key, value })))
      break
    } catch (error) {
      if (!(error instanceof RecordRejected)) throw error
      rejected++
      onRejected(rest[error.index]!, error.message.replace(/^record \d+ is /, ''))
      rest = rest.slice(error.index + 1)
    }
  }
  return records.length - rejected
}
