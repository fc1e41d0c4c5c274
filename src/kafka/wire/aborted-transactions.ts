import { type BatchHeader, isControlBatch, isTransactional } from './batch-header.ts'
import type { ByteReader } from './byte-reader.ts'

/**
 * Decides which batches of a partition are read. A fetch response lists the transactions that were
 * aborted. Such a transaction reaches from its first offset to the next control batch of its
 * producer, and the transactions of several producers may interleave.
 */
export class AbortedTransactions {
  /** Those that the batches have not reached yet, by their first offset. */
  private readonly ahead: AbortedTransaction[]
  /** The producers whose current transaction was aborted. */
  private readonly producerIds = new Set<bigint>()

  constructor(listed: readonly AbortedTransaction[]) {
    this.ahead = listed.toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
  }

  /** Returns whether the batch holds records to read. Takes the batches in order, each once. */
  hasRecords(header: BatchHeader): boolean {
    while (this.ahead[0] !== undefined && this.ahead[0].firstOffset <= header.lastOffset) {
      this.producerIds.add(this.ahead[0].producerId)
      this.ahead.shift()
    }
    if (isControlBatch(header)) {
      this.producerIds.delete(header.producerId)
      return false
    }
    return !isTransactional(header) || !this.producerIds.has(header.producerId)
  }
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

export function readAbortedTransactions(reader: ByteReader): AbortedTransactions {
  const listed: AbortedTransaction[] = []
  for (let left = reader.int32(); left > 0; left--) {
    listed.push({ producerId: reader.int64(), firstOffset: reader.int64() })
  }
  return new AbortedTransactions(listed)
}
