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
import { addTimeout, patiently } from '../patience.ts'
import { askRedis, nameOfKafka, quietLog } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addRebuildCommand(program: Command, cli: Cli): void {
  const command = program
    .command('rebuild')
    .summary('make the state anew from the topic')
    .description(
      'Makes the state of all groups in Redis anew from the topic, beside the workers: folds it ' +
        'under a second prefix, then pauses the workers for a moment and puts each group in ' +
        'place. Groups that the topic knows nothing of stay. Where the topic does not hold all ' +
        'events any more (retention, compaction), its events are merged into what stands instead.',
    )
  const load = addSettings(command, cli, ['kafka', 'redis', 'events'])
  command
    .option('--prune', 'delete groups that the topic knows nothing of')
    .option('--replace', 'put groups in place also where the topic does not hold all events')
    .option('--yes', 'without asking; needed for what may lose something where nobody can be asked')
    .option('--json', 'the report as JSON')
  addTimeout(command, 30)
  addHelp(command, {
    examples: [
      ['rebuild', 'with KAFKA_BROKERS and REDIS_URL set; workers may run or not'],
      ['rebuild --prune', 'and delete groups of which the topic holds no event'],
    ],
    notes: [
      'Ctrl-C ends it in an orderly way at any time. Killed or ended, it can be run again, and',
      'does all of it then. Twice as much memory of Redis is taken while it runs.',
    ],
    exitCodes: {
      0: 'done',
      1: 'not confirmed, ended early, a group that could not be written, or a server is away',
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
  const lookAtTopic = () => findGaps(kafka, quiet)
  const gaps = await patiently(options.timeout, nameOfKafka(config), lookAtTopic)
  await askRedis(cli, config, options.timeout, async (redis) => {
    await checkServer(redis)
    await checkReplacementRights(redis)
  })
  if (!(await mayGoOn(cli, config, gaps, options))) {
    cli.stderr.write('nothing was changed\n')
    return FAILED
  }
  const report = await work(cli, config, gaps, options)
  cli.stdout.write(`${options.json ? printableJson(reportJson(report)) : reportText(report)}\n`)
  return report.isInterrupted || report.conflicts.length > 0 ? FAILED : DONE
}

/** @throws CommandFailed where nobody can be asked, and something may be lost */
async function mayGoOn(
  cli: Cli,
  { kafka }: Config,
  gaps: TopicGaps,
  { prune, replace, yes }: Options,
): Promise<boolean> {
  const isWhole = isComplete(gaps)
  if (!isWhole) cli.stderr.write(`${gapsText(kafka.topic, gaps, replace === true)}\n`)
  if (!isWhole && prune && !replace) {
    throw new CommandFailed(
      '--prune would delete groups whose events the topic no longer holds: add --replace to have it so',
    )
  }
  const isRisky = (!isWhole && replace === true) || (gaps.isEmpty && prune === true)
  if (yes || !(isRisky || prune)) return true
  if (isRisky && cli.stdin.isTTY !== true) {
    throw new CommandFailed('what only Redis knows would be lost: add --yes to have it so')
  }
  const losses = [
    ...(isWhole ? [] : ['drop what only Redis knows of the groups in the topic']),
    ...(prune ? ['delete every group that the topic knows nothing of'] : []),
  ]
  return await confirm(cli, `This will ${losses.join(', and ')}. Go on?`)
}

/** How long it may go on once it is told to end: the group in hand, and what came meanwhile. */
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
      await outcome.catch(() => {}) // thrown below
    },
    { shutdownTimeoutMs: STOP_TIMEOUT_MS, log },
  )
  return await promise
}
