import { RequestRejected } from './sender.ts'

/**
 * Sends the items in order. If the broker rejects the request, it sends each half instead, down to
 * the single item that is rejected, and calls `onRejected` with it. Then it continues with the
 * items after that one, unless `onRejected` throws.
 *
 * @throws what `onRejected` throws, and what `send` throws, other than RequestRejected: then the
 *   items after it are not sent
 */
export async function sendBisecting<Item>(
  items: readonly Item[],
  send: (items: readonly Item[]) => Promise<void>,
  onRejected: (item: Item, rejection: RequestRejected) => Promise<void> | void,
): Promise<void> {
  try {
    await send(items)
  } catch (error) {
    if (!(error instanceof RequestRejected)) throw error
    if (items.length <= 1) {
      for (const item of items) await onRejected(item, error)
      return
    }
    const half = Math.ceil(items.length / 2)
    await sendBisecting(items.slice(0, half), send, onRejected)
    await sendBisecting(items.slice(half), send, onRejected)
  }
}
