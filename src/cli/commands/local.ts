import { relative } from 'node:path'
import { type Command, Option } from 'commander'
import type { Config } from '../../app/config/config.ts'
import type { LoadedConfig } from '../../app/config/loader.ts'
import { runUntilSignalled } from '../../app/life-cycle.ts'
import type { ServiceUrls } from '../../app/services.ts'
import { createMissingTopic } from '../../kafka/topics/topic-facts.ts'
import { downloadsFolder, stackFolder } from '../../local/endpoints.ts'
import { findFreePorts } from '../../local/free-ports.ts'
import { StackFailed } from '../../local/servers/stack-failed.ts'
import { type LocalStack, startLocalStack } from '../../local/stack.ts'
import type { Engine } from '../../local/stack-options.ts'
import { createLogger, type Logger } from '../../telemetry/logger.ts'
import { type Cli, CommandFailed, type ExitCode, WRONG_USAGE } from '../cli.ts'
import { addHelp } from '../help.ts'
import { retryWhileAway } from '../retry-while-away.ts'
import { sendSample, whatToTry } from '../sample.ts'
import { nameOfKafka, nameOfRedis } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addLocalCommand(program: Command, cli: Cli): void {
  const command = program
    .command('local')
    .summary('start everything on this machine, to try it out')
    .description(
      'Starts Kafka and Redis on this machine, and a worker and a gateway that use them. Sends ' +
        'a sample event and shows the group that it becomes. Runs until Ctrl-C. Uses Docker if ' +
        'it is running, otherwise Java 17 and Maven. The data is kept for the next start. If ' +
        'KAFKA_BROKERS and REDIS_URL are set, it uses those servers instead.',
    )
  const sections = ['kafka', 'redis', 'events', 'worker', 'http', 'gateway', 'log'] as const
  const load = addSettings(command, cli, sections, false)
  command.addOption(
    new Option('--engine <engine>', 'what runs Kafka and Redis').choices(['docker', 'java']),
  )
  addHelp(command, {
    examples: [
      ['local', 'the same as npm start'],
      ['local --engine java', 'do not use Docker, even if it is running'],
    ],
    notes: [
      'If a port is in use, another one is chosen. While this command runs, the other commands',
      'use its servers by default.',
    ],
    exitCodes: { 0: 'stopped by a signal', 1: 'failed; the message says what to do' },
  })
  command.action(cli.run(({ engine }: { engine?: Engine }) => runLocal(cli, load, engine)))
}

type Load = () => LoadedConfig

/** The partitions of the topic, if it must be created. At most that many workers can share it. */
const PARTITIONS = 6
const SERVER_TIMEOUT_SECONDS = 30

async function runLocal(cli: Cli, load: Load, engine: Engine | undefined): Promise<ExitCode> {
  const say = (line: string) => void cli.stdout.write(`${line}\n`)
  const loaded = load()
  const log = warningsLogger(loaded)
  let failure: unknown
  const exitCode = await runUntilSignalled(
    async (signal) => {
      signal.addEventListener('abort', () => say('\nStopping …'), { once: true })
      try {
        await startAndRun(cli, load, engine, log, signal)
      } catch (error) {
        if (!signal.aborted) failure = error
      }
    },
    { shutdownTimeoutMs: loaded.config.worker.shutdownTimeoutMs, log },
  )
  if (failure instanceof StackFailed) throw new CommandFailed(failure.message)
  if (failure !== undefined) throw failure
  say('Stopped.')
  return exitCode
}

async function startAndRun(
  cli: Cli,
  load: Load,
  engine: Engine | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const say = (line: string) => void cli.stdout.write(`${line}\n`)
  let stack: LocalStack | undefined
  if (!namesServers(load())) {
    const ports = { kafka: 9092, redis: 6379 }
    const where = { folder: stackFolder, downloads: downloadsFolder, ports }
    stack = await startLocalStack({ ...where, ...(engine && { engine }), report: say, signal })
  }
  try {
    const config = await onFreePorts(load())
    say(
      stack
        ? `${nameOf(stack)} are running`
        : `Using ${nameOfKafka(config)} and ${nameOfRedis(config)}`,
    )
    const { kafka } = config
    const createTopic = () => createMissingTopic(kafka, PARTITIONS, log)
    if (await retryWhileAway(SERVER_TIMEOUT_SECONDS, nameOfKafka(config), createTopic)) {
      say(`Created topic ${kafka.topic}`)
    }
    const { runServices } = await import('../../app/services.ts')
    await runServices(config, log, signal, async (urls: ServiceUrls) => {
      say(`Worker and gateway are running: ${urls.operations}, ${urls.gateway}\n`)
      say(await sendSample(cli, config, urls.gateway, signal))
      say(whatToTry(config, urls, cli.now()))
    })
  } finally {
    await stack?.stop()
  }
}

/**
 * Returns whether Kafka and Redis are configured.
 *
 * @throws CommandFailed if only one of the two is
 */
function namesServers({ settings }: LoadedConfig): boolean {
  const [kafka, redis] = ['kafka.brokers', 'redis.url'].map((name) => {
    const source = settings.get(name)?.origin.source
    return source !== undefined && source !== 'default' && source !== 'local'
  })
  if (kafka === redis) return kafka === true
  const [named, missing] = kafka ? ['Kafka', 'REDIS_URL'] : ['Redis', 'KAFKA_BROKERS']
  throw new CommandFailed(
    `only ${named} is configured: set ${missing}, too, to use both servers, or set neither, to ` +
      'start a local Kafka and Redis',
    WRONG_USAGE,
  )
}

/** Replaces default ports that are in use by free ones. A port that is configured is kept. */
async function onFreePorts({ config, settings }: LoadedConfig): Promise<Config> {
  const { http, gateway } = config
  const [httpPort = 0, gatewayPort = 0] = await findFreePorts([http.port, gateway.port])
  const isDefault = (name: string) => settings.get(name)?.origin.source === 'default'
  return {
    ...config,
    http: { ...http, port: isDefault('http.port') ? httpPort : http.port },
    gateway: { ...gateway, port: isDefault('gateway.port') ? gatewayPort : gateway.port },
  }
}

function nameOf({ engine, kafkaBrokers, redisUrl }: LocalStack): string {
  const where =
    engine === 'docker' ? 'in Docker' : `with their data in ${relative('', stackFolder)}`
  return `Kafka at ${kafkaBrokers.join(', ')} and Redis at ${redisUrl}, ${where},`
}

/** Returns a logger that logs only warnings by default, so that the sample is easy to see. */
function warningsLogger({ config, settings }: LoadedConfig): Logger {
  const isDefault = settings.get('log.level')?.origin.source === 'default'
  return createLogger({ ...config.log, level: isDefault ? 'warn' : config.log.level })
}
