import { getHeapStatistics } from 'node:v8'
import { type Command, InvalidArgumentError } from 'commander'
import type { LoadedConfig } from '../../app/config/loader.ts'
import { INTERRUPTED } from '../../app/life-cycle.ts'
import { type Verdict, verify } from '../../app/verify/verification.ts'
import { WorkersBehind } from '../../app/verify/workers.ts'
import { openRedis } from '../../redis/connection/connection.ts'
import { type Cli, CommandFailed, DONE, type ExitCode, FAILED } from '../cli.ts'
import { addHelp } from '../help.ts'
import { printableJson } from '../output/printable.ts'
import { showSteps } from '../output/verify-progress.ts'
import { verdictJson, verdictText } from '../output/verify-report.ts'
import { addTimeout, retryWhileAway } from '../retry-while-away.ts'
import { hintFor, nameOfKafka, nameOfRedis, quietLog } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addVerifyCommand(program: Command, cli: Cli): void {
  const command = program
    .command('verify')
    .summary('check the state in Redis against the topic')
    .description(
      'Reads the whole topic, up to its current end, and compares the resulting state with the ' +
        'one in Redis: every trait, clock and member, and the user index. Workers may keep ' +
        'running: what differs is checked a second time, after they have processed the records ' +
        'that arrived meanwhile, and is only then reported. Writes nothing.',
    )
  const load = addSettings(command, cli, ['kafka', 'redis', 'events'])
  command
    .option('--limit <number>', 'how many differences to show; all are counted', rowsOf, 20)
    .option('--json', 'print the result as one JSON object')
  addTimeout(command, 30)
  addHelp(command, {
    examples: [
      ['verify', 'with KAFKA_BROKERS and REDIS_URL set, or npm start running'],
      ['verify --json | jq .differences.count', 'print only the number of differences'],
    ],
    notes: [
      'Use the configuration of the workers: it decides which events are valid. If the workers',
      'have a lag, verify waits while they make progress; --timeout is also how long they may make',
      'none. If the groups do not fit in a third of the heap, the topic is read in several passes;',
      'a larger heap needs fewer (NODE_OPTIONS=--max-old-space-size=MiB).',
    ],
    exitCodes: {
      0: 'no difference',
      1: 'a difference, or not finished: a server is away, or no worker reads the topic',
      130: 'interrupted',
    },
  })

  command.action(cli.run((options: Options) => verifyAndReport(cli, load(), options)))
}

async function verifyAndReport(
  cli: Cli,
  loaded: LoadedConfig,
  { limit, json, timeout }: Options,
): Promise<ExitCode> {
  const { config } = loaded
  const verdict = await uninterrupted(cli, (signal) => run(cli, loaded, { limit, timeout, signal }))
  if (verdict === undefined) return INTERRUPTED
  const text = json ? printableJson(verdictJson(verdict)) : verdictText(verdict, config, cli.stdout)
  cli.stdout.write(`${text}\n`)
  return verdict.differences.count === 0 ? DONE : FAILED
}

interface Options {
  readonly limit: number
  readonly json?: true
  /** Seconds. */
  readonly timeout: number
}

function rowsOf(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, up to 99999.')
}

/**
 * Runs the work. Returns undefined if a signal interrupts it. `runUntilSignalled` is not used,
 * because there is nothing in flight that must be finished.
 */
async function uninterrupted<Result>(
  { stderr }: Cli,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  const stopping = new AbortController()
  const { promise: timedOut, resolve } = Promise.withResolvers<undefined>()
  const stop = () => {
    stopping.abort()
    setTimeout(() => resolve(undefined), STOP_TIMEOUT_MS)
  }
  // Not `once`: under npm, one Ctrl-C arrives twice.
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    const result = await Promise.race([work(stopping.signal), timedOut])
    if (!stopping.signal.aborted) return result
  } catch (error) {
    if (!stopping.signal.aborted) throw error
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
  stderr.write('interrupted: the state was not verified\n')
  return undefined
}

/** How long the work may take to stop. It may hang because a server is away. */
const STOP_TIMEOUT_MS = 2000

/** A third of the heap, without what Node itself needs: the states can take twice their size for a while. */
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
        kafka: (ask) => retryWhileAway(timeout, nameOfKafka(config), ask),
        redis: (ask) => retryWhileAway(timeout, nameOfRedis(config), ask, hintFor(loaded)),
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
