/** Sends the sample event, for somebody who runs the program for the first time. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../app/config/config.ts'
import type { ServiceUrls } from '../app/services.ts'
import { SAMPLE_EVENT } from '../domain/event/sample.ts'
import { groupKey } from '../redis/keys.ts'
import { type GroupView, readGroup } from '../redis/reading/group-reader.ts'
import { type Cli, CommandFailed } from './cli.ts'
import { groupText } from './output/group-report.ts'
import { askRedis } from './servers.ts'

/** How long to retry while Redis is away. It includes the wait for the merge, so it is longer. */
const REDIS_TIMEOUT_SECONDS = 60
const MERGE_TIMEOUT_MS = 30_000
const POLL_MS = 50

/**
 * Sends the sample event and waits until it is merged in Redis. Does not send it if its user is or
 * was a member of its group: then it was sent earlier.
 *
 * @returns a text with the event and the group that it became
 */
export async function sendSample(
  cli: Cli,
  config: Config,
  gatewayUrl: string,
  signal: AbortSignal,
): Promise<string> {
  return askRedis(cli, config, REDIS_TIMEOUT_SECONDS, async (redis) => {
    const read = () => readGroup(redis, SAMPLE_EVENT.group_id)
    const before = await read()
    if (hasSample(before)) return `${ALREADY_THERE}\n\n${groupText(before, cli.stdout)}`
    await post(gatewayUrl, signal)
    const deadline = performance.now() + MERGE_TIMEOUT_MS
    for (;;) {
      const group = await read()
      if (hasSample(group)) return `${JUST_SENT}\n\n${groupText(group, cli.stdout)}`
      if (performance.now() > deadline) throw new CommandFailed(NOT_MERGED)
      await sleep(POLL_MS, undefined, { signal })
    }
  })
}

const JUST_SENT = `Sent a sample event:

  ${JSON.stringify(SAMPLE_EVENT)}

This is its group in Redis now:`
const ALREADY_THERE = 'The sample event was sent earlier. This is its group in Redis now:'
const NOT_MERGED =
  `the sample event was not merged in Redis within ${MERGE_TIMEOUT_MS / 1000} s: ` +
  'the log says what the worker waits for'

/** Returns whether the sample's user is or was a member of the sample's group. */
function hasSample(group: GroupView | null): group is GroupView {
  const users = [...(group?.members ?? []), ...(group?.left ?? [])]
  return users.some(({ userId }) => userId === SAMPLE_EVENT.user_id)
}

async function post(gatewayUrl: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${gatewayUrl}/group`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(SAMPLE_EVENT),
    signal,
  })
  if (answer.ok) return
  throw new CommandFailed(`the gateway answered ${answer.status}: ${await answer.text()}`)
}

/** Lists commands to copy: they send events and show what the group becomes. */
export function whatToTry(config: Config, { gateway }: ServiceUrls, nowMs: number): string {
  const { group_id } = SAMPLE_EVENT
  const event = (userId: string, traits: object) =>
    JSON.stringify({
      user_id: userId,
      group_id,
      traits,
      timestamp: new Date(nowMs).toISOString(),
    })
  return `
Try in another terminal:

  curl ${gateway}/group -H 'content-type: application/json' \\
    -d '${event('user456', { plan: 'enterprise', employees: 250 })}'

  npm run -s group-traits -- show ${group_id}

  echo '${event('user789', { industry: null })}' |
    npm run -s group-traits -- publish -

  redis-cli -u ${config.redis.url} hgetall '${groupKey(config.redis, group_id)}'

Ctrl-C stops everything.`
}
