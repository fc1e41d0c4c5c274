/**
 * Commits offsets beside the batches, so that none waits for the answer to the one before:
 * one request at a time, each with the latest offset of every partition since the last.
 *
 * One serves for one assignment of partitions. What it could not commit is delivered again.
 */
export type SendOffsets = (nextOffsets: ReadonlyMap<number, bigint>) => Promise<void>

export class Committer {
  private waiting = new Map<number, bigint>()
  private sending: Promise<void> | undefined
  private failure: { readonly error: unknown } | undefined

  /**
   * Has the partition's offset committed soon: all before it must be durable.
   *
   * @throws what an earlier commit failed with
   */
  commit(partition: number, nextOffset: bigint, send: SendOffsets): void {
    this.assertWorking()
    this.waiting.set(partition, nextOffset)
    this.sending ??= this.sendWaiting(send)
  }

  /** @throws what a commit failed with: nothing more is committed under this assignment */
  assertWorking(): void {
    if (this.failure !== undefined) throw this.failure.error
  }

  /** Resolves once nothing is on its way any more. Never rejects. */
  async settled(): Promise<void> {
    await this.sending
  }

  private async sendWaiting(send: SendOffsets): Promise<void> {
    try {
      while (this.waiting.size > 0) {
        const offsets = this.waiting
        this.waiting = new Map()
        await send(offsets)
      }
    } catch (error) {
      this.failure = { error }
    } finally {
      this.sending = undefined
    }
  }
}
