import { getHeapStatistics } from 'node:v8'
import { type Command, InvalidArgumentError } from 'commander'
import type { LoadedConfig } from '../../app/config/loader.ts'
import { type Verdict, verify } from '../../app/verify/verification.ts'
import { WorkersBehind } from '../../app/verify/workers.ts'
import { openRedis } from '../../redis/connection/connection.ts'
import { type Cli, CommandFailed, DONE, FAILED } from '../cli.ts'
import { addHelp } from '../help.ts'
import { printableJson } from '../output/printable.ts'
import { showSteps } from '../output/verify-progress.ts'
import { forPeople, forPrograms } from '../output/verify-report.ts'
import { addTimeout, patiently } from '../patience.ts'
import { hintFor, nameOfKafka, nameOfRedis, quietLog } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addVerifyCommand(program: Command, cli: Cli): void {
  const command = program
    .command('verify')
    .summary('check the state in Redis against the topic')
    .description(
      'Folds the whole topic anew, up to where it ends now, and compares the result with the ' +
        'state in Redis: every trait, clock, member, and the user index. Workers may go on ' +
        'meanwhile: what differs is read again once they have passed what came in between, and ' +
        'only what differs twice is a difference. Writes nothing.',
    )
  const load = addSettings(command, cli, ['kafka', 'redis', 'events'])
  command
    .option('--limit <number>', 'how many differences to show; all are counted', rowsOf, 20)
    .option('--json', 'the outcome as one JSON object')
  addTimeout(command, 30)
  addHelp(command, {
    examples: [
      ['verify', 'with KAFKA_BROKERS and REDIS_URL set, or npm start running'],
      ['verify --json | jq .differences.count', 'for a program'],
    ],
    notes: [
      'Run it with the configuration of the workers: which events are valid depends on it. Waits',
      'for workers that have a lag, as long as they move; --timeout is also how long they may',
      'stand still. The topic is read as often as its groups need to be held in memory, a third',
      'of the heap at a time (NODE_OPTIONS=--max-old-space-size=MiB).',
    ],
    exitCodes: {
      0: 'no difference',
      1: 'a difference, or it could not be finished: a server is away, or nobody reads the topic',
      130: 'interrupted',
    },
  })

  command.action(
    cli.run(async ({ limit, json, timeout }: VerifyOptions) => {
      const loaded = load()
      const { config } = loaded
      const verdict = await uninterrupted(cli, (signal) =>
        run(cli, loaded, { limit, timeout, signal }),
      )
      if (verdict === undefined) return INTERRUPTED
      const text = json
        ? printableJson(forPrograms(verdict))
        : forPeople(verdict, config, cli.stdout)
      cli.stdout.write(`${text}\n`)
      return verdict.differences.count === 0 ? DONE : FAILED
    }),
  )
}

interface VerifyOptions {
  readonly limit: number
  readonly json?: true
  readonly timeout: number
}

function rowsOf(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, up to 99999.')
}

/** What a shell says of a program ended by Ctrl-C: 128 and the number of SIGINT. */
const INTERRUPTED = 130

/**
 * Ends the work at a signal; undefined then. Not a matter of `runUntilSignalled`: nothing is in
 * hand that had to be finished.
 */
async function uninterrupted<Result>(
  { stderr }: Cli,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  const stopping = new AbortController()
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>()
  const stop = () => {
    stopping.abort()
    setTimeout(() => resolve(undefined), END_MS)
  }
  // Ctrl-C at npm reaches its child twice
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    const result = await Promise.race([work(stopping.signal), tooLate])
    if (!stopping.signal.aborted) return result
  } catch (error) {
    if (!stopping.signal.aborted) throw error
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
  stderr.write('interrupted: nothing can be said of the whole state\n')
  return undefined
}

/** How long the end may take: a server that is away is not waited for. */
const END_MS = 2000

/** A third of what Node may use beside what it needs anyway, for twice as much is held at times. */
function heapForStates(limitBytes: number): number {
  return Math.max((limitBytes - 128 * MIB) / 3, 8 * MIB)
}

const MIB = 1024 * 1024

interface RunOptions {
  readonly limit: number
  /** Seconds. */
  readonly timeout: number
  readonly signal: AbortSignal
}

async function run(
  cli: Cli,
  loaded: LoadedConfig,
  { limit, timeout, signal }: RunOptions,
): Promise<Verdict> {
  const { config } = loaded
  const log = quietLog(cli, config)
  const redis = openRedis(config.redis, log)
  const steps = showSteps(cli.stderr)
  try {
    return await verify({
      ...{ config, log, redis, now: cli.now, signal, limit },
      maxBytes: heapForStates(getHeapStatistics().heap_size_limit),
      workersTimeoutMs: timeout * 1000,
      retry: {
        kafka: (ask) => patiently(timeout, nameOfKafka(config), ask),
        redis: (ask) => patiently(timeout, nameOfRedis(config), ask, hintFor(loaded)),
      },
      onStep: steps.show,
    })
  } catch (error) {
    throw error instanceof WorkersBehind ? new CommandFailed(error.message) : error
  } finally {
    steps.stop()
    redis.close()
  }
}
