/**
 * Commits offsets in the background, so that no batch waits for the answer to an earlier commit.
 * One request is sent at a time; it carries the latest offset of every partition since the last.
 *
 * A committer serves one assignment. Its states and their transitions:
 *
 *     idle     -> sending   commit()
 *     sending  -> sending   the request is acknowledged, and further offsets wait
 *              -> idle      the request is acknowledged, and none wait
 *              -> failed    the request fails: every later call throws its error
 *
 * The records of offsets that it could not commit are redelivered.
 */
export type SendOffsets = (nextOffsets: ReadonlyMap<number, bigint>) => Promise<void>

export class Committer {
  private waiting = new Map<number, bigint>()
  private sending: Promise<void> | undefined
  private failure: { readonly error: unknown } | undefined

  /**
   * Commits the partition's offset soon; all records before it must be durable.
   *
   * @param send used for the requests until nothing waits; ignored while one is being sent
   * @throws the error of an earlier commit
   */
  commit(partition: number, nextOffset: bigint, send: SendOffsets): void {
    this.throwIfFailed()
    this.waiting.set(partition, nextOffset)
    this.sending ??= this.sendWaiting(send)
  }

  /** @throws the error of an earlier commit: nothing more is committed under this assignment */
  throwIfFailed(): void {
    if (this.failure !== undefined) throw this.failure.error
  }

  /** Resolves once no commit waits or is being sent. Never rejects. */
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
