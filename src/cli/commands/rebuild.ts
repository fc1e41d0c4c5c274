import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import type { Config } from '../../app/config/config.ts'
import { runUntilSignalled } from '../../app/life-cycle.ts'
import { type RebuildReport, rebuild } from '../../app/rebuild/rebuild.ts'
import { findGaps, isComplete, type TopicGaps } from '../../app/topic-view.ts'
import { checkServer } from '../../redis/connection/server-check.ts'
import { checkReplacementRights } from '../../redis/rebuild/replacement-check.ts'
import { createLogger } from '../../telemetry/logger.ts'
import { type Cli, CommandFailed, DONE, type ExitCode, FAILED } from '../cli.ts'
import { confirm } from '../confirm.ts'
import { addHelp } from '../help.ts'
import { printableJson } from '../output/printable.ts'
import { startRebuildProgress } from '../output/rebuild-progress.ts'
import { gapsText, reportJson, reportText } from '../output/rebuild-report.ts'
import { addTimeout, retryWhileAway } from '../retry-while-away.ts'
import { askRedis, nameOfKafka, quietLog } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addRebuildCommand(program: Command, cli: Cli): void {
  const command = program
    .command('rebuild')
    .summary('rebuild the state from the topic')
    .description(
      'Rebuilds the state of all groups in Redis from the topic, while the workers run. Builds ' +
        'the new state under a second prefix, then pauses the workers for a moment and replaces ' +
        'each group. Groups without an event in the topic are kept. If the topic no longer has ' +
        'all events (retention, compaction), its events are merged into the existing state instead.',
    )
  const load = addSettings(command, cli, ['kafka', 'redis', 'events'])
  command
    .option('--prune', 'delete groups without an event in the topic')
    .option('--replace', 'replace groups even if the topic no longer has all events')
    .option(
      '--yes',
      'do not ask for confirmation (required without a terminal if data may be lost)',
    )
    .option('--json', 'print the report as JSON')
  addTimeout(command, 30)
  addHelp(command, {
    examples: [
      ['rebuild', 'with KAFKA_BROKERS and REDIS_URL set; workers may run or not'],
      ['rebuild --prune', 'also delete groups without an event in the topic'],
    ],
    notes: [
      'Ctrl-C stops it safely at any time. After it was stopped or killed, run it again: it then',
      'starts from the beginning. While it runs, the state takes twice as much memory in Redis.',
    ],
    exitCodes: {
      0: 'done',
      1: 'not confirmed, stopped early, a group could not be written, or a server is away',
    },
  })
  command.action(cli.run((options: Options) => runRebuild(cli, load().config, options)))
}

interface Options {
  readonly prune?: true
  readonly replace?: true
  readonly yes?: true
  readonly json?: true
  readonly timeout: number
}

async function runRebuild(cli: Cli, config: Config, options: Options): Promise<ExitCode> {
  const { kafka } = config
  const quiet = quietLog(cli, config)
  const gaps = await retryWhileAway(options.timeout, nameOfKafka(config), () =>
    findGaps(kafka, quiet),
  )
  await askRedis(cli, config, options.timeout, async (redis) => {
    await checkServer(redis)
    await checkReplacementRights(redis)
  })
  if (!(await isConfirmed(cli, config, gaps, options))) {
    cli.stderr.write('nothing was changed\n')
    return FAILED
  }
  const report = await work(cli, config, gaps, options)
  cli.stdout.write(`${options.json ? printableJson(reportJson(report)) : reportText(report)}\n`)
  return report.isInterrupted || report.conflicts.length > 0 ? FAILED : DONE
}

/** @throws CommandFailed if data may be lost and there is no terminal to ask for confirmation */
async function isConfirmed(
  cli: Cli,
  { kafka }: Config,
  gaps: TopicGaps,
  { prune, replace, yes }: Options,
): Promise<boolean> {
  const hasAllEvents = isComplete(gaps)
  if (!hasAllEvents) cli.stderr.write(`${gapsText(kafka.topic, gaps, replace === true)}\n`)
  if (!hasAllEvents && prune && !replace) {
    throw new CommandFailed(
      '--prune would delete groups whose events are no longer in the topic: to do so, add --replace',
    )
  }
  const isRisky = (!hasAllEvents && replace === true) || (gaps.isEmpty && prune === true)
  if (yes || !(isRisky || prune)) return true
  if (isRisky && cli.stdin.isTTY !== true) {
    throw new CommandFailed('data that only Redis has would be lost: to do so, add --yes')
  }
  const losses = [
    ...(hasAllEvents ? [] : ['delete what only Redis knows about the groups in the topic']),
    ...(prune ? ['delete every group without an event in the topic'] : []),
  ]
  return await confirm(cli, `This will ${losses.join(', and ')}. Continue?`)
}

/** How long a rebuild may take to stop: it finishes the current group and the latest records. */
const STOP_TIMEOUT_MS = 120_000

async function work(
  cli: Cli,
  config: Config,
  gaps: TopicGaps,
  { prune, replace, json }: Options,
): Promise<RebuildReport> {
  const level = config.log.level === 'debug' ? 'debug' : 'warn'
  const log = createLogger({ level, format: 'pretty' }, cli.stderr)
  const progress = startRebuildProgress(cli.stderr, json === true)
  const mode = isComplete(gaps) || replace ? 'replace' : 'merge'
  const flags = { mode, acceptGaps: replace === true, prune: prune === true } as const
  const options = { config, log, ...flags, token: randomUUID(), onProgress: progress.show }
  const { promise, resolve } = Promise.withResolvers<RebuildReport>()
  await runUntilSignalled(
    async (signal) => {
      const outcome = rebuild({ ...options, signal }).finally(progress.stop)
      resolve(outcome)
      await outcome.catch(() => {}) // thrown by the last line of this function
    },
    { shutdownTimeoutMs: STOP_TIMEOUT_MS, log },
  )
  return await promise
}
