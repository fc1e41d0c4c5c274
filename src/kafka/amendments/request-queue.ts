/**
 * Amendment: request queue.
 *
 * Wrong in kafkajs: every response schedules a check of the pending requests, even if there are
 * none, and so does that check. A connected client runs some 700 timers a second, each with a
 * negative delay, which Node reports on stderr (tulios/kafkajs#1704, #1556, #1751).
 * Changed: nothing is scheduled while no request is pending. A request that becomes pending
 * schedules the check itself.
 * Can go when: #1704 is fixed in a release.
 */
import { type Load, loadPrototype } from './kafkajs-parts.ts'

export function amendRequestQueue(load: Load): void {
  const queue = loadPrototype<RequestQueue>(load, 'network/requestQueue', {
    scheduleCheckPendingRequests: 0,
  })
  const { scheduleCheckPendingRequests } = queue
  queue.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
  }
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(this: RequestQueue): void
}
