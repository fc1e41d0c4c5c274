/** A real Apache Kafka as a child process: one KRaft node that is broker and controller. */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChildServer, startChildServer } from './child-server.ts'
import type { Coordinates } from './maven.ts'
import { runCommand } from './run-command.ts'
import { StackFailed } from './stack-failed.ts'

export const kafkaVersion = '4.3.0'

/** The server, its command line tools, and the library that writes its log. */
export const kafkaArtifacts: readonly Coordinates[] = [
  `org.apache.kafka:kafka_2.13:${kafkaVersion}`,
  `org.apache.kafka:kafka-tools:${kafkaVersion}`,
  'org.apache.logging.log4j:log4j-slf4j-impl:2.25.4',
]

export interface KafkaServerOptions {
  readonly java: string
  /** Java class path. */
  readonly jars: string
  /** For its data, settings and log. */
  readonly folder: string
  readonly port: number
  readonly controllerPort: number
  readonly signal?: AbortSignal | undefined
}

/** Starts Kafka; formats the data folder at the first start. @throws StackFailed */
export async function startKafkaServer(options: KafkaServerOptions): Promise<ChildServer> {
  const { java, jars, folder } = options
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'log4j2.xml'), logSettings)
  if (!existsSync(join(folder, 'data'))) await format(options)
  await writeFile(join(folder, 'server.properties'), settings(options, 'data'))
  return startChildServer({
    name: 'Kafka',
    command: java,
    args: [...javaOptions, '-cp', jars, 'kafka.Kafka', 'server.properties'],
    cwd: folder,
    logFile: join(folder, 'kafka.log'),
    readyLine: 'Kafka Server started',
  })
}

const javaOptions = [
  '-Xms256m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:+ExitOnOutOfMemoryError',
  '-Dlog4j2.configurationFile=log4j2.xml',
]

/** Formats the data folder under another name, and renames it when done: never half a folder. */
async function format(options: KafkaServerOptions): Promise<void> {
  const { java, jars, folder, signal } = options
  const partial = join(folder, 'data.partial')
  await rm(partial, { recursive: true, force: true })
  await writeFile(join(folder, 'format.properties'), settings(options, 'data.partial'))
  const { code, output } = await runCommand(
    java,
    [
      ...[...javaOptions, '-XX:TieredStopAtLevel=1', '-cp', jars, 'kafka.tools.StorageTool'],
      ...['format', '--config', 'format.properties', '--cluster-id', newClusterId()],
    ],
    { cwd: folder, signal },
  )
  if (code !== 0)
    throw new StackFailed(
      `Kafka could not format its data folder in ${folder}:\n${output.trimEnd()}`,
    )
  await rename(partial, join(folder, 'data'))
}

/** Returns 16 random bytes in Kafka's text form (base64url), which must not begin with a dash. */
function newClusterId(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  return bytes.toString('base64url')
}

/** Paths are relative to the folder: a path in a properties file would need escaping. */
function settings({ port, controllerPort }: KafkaServerOptions, dataFolder: string): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=${dataFolder}
auto.create.topics.enable=false
# do not delay the first rebalance: the few members join at once
group.initial.rebalance.delay.ms=0
# a single broker with little memory
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
log.cleaner.dedupe.buffer.size=4194304
`
}

const logSettings = `<Configuration>
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d %p %m (%c)%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
`
