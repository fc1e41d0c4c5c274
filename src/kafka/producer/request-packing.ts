import type { Message } from '../client/kafkajs.ts'

/** The size of a request: below what a topic takes in one batch by default (1,048,588 bytes). */
export const REQUEST_BYTES = 900_000

/** The most that a record takes in a batch, beside its key, value and headers. */
const FRAME_BYTES = 70

/** Returns about how many bytes a message takes on the wire. */
export function messageBytes({ key, value, headers }: Message): number {
  let bytes = FRAME_BYTES + bytesOf(key) + bytesOf(value)
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const each of [values].flat()) bytes += Buffer.byteLength(name) + bytesOf(each) + 10
  }
  return bytes
}

/** Packs the items, in order, into packs of at most `maxBytes`; a larger item is a pack alone. */
export function packBySize<Item>(
  items: readonly Item[],
  maxBytes: number,
  messageOf: (item: Item) => Message,
): Item[][] {
  const packs: Item[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const item of items) {
    const size = messageBytes(messageOf(item))
    if (bytes + size > maxBytes) {
      packs.push([])
      bytes = 0
    }
    packs.at(-1)?.push(item)
    bytes += size
  }
  return packs
}

function bytesOf(value: Buffer | string | null | undefined): number {
  return value === null || value === undefined ? 0 : Buffer.byteLength(value)
}
