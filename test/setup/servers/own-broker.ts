/** A Kafka broker that belongs to one test file, which may cut it off, kill it, freeze it or deny rights. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { kafkajs } from '../../../src/kafka/client/kafkajs.ts'
import { findFreePorts } from '../../../src/local/free-ports.ts'
import { startChildServer } from '../../../src/local/servers/child-server.ts'
import { until } from '../waiting.ts'
import { startProxy, type TcpProxy } from './proxy.ts'

export interface OwnBroker {
  /** Plaintext with all rights, through the proxy. */
  readonly brokers: readonly string[]
  /** Plaintext with all rights, past the proxy. */
  readonly directBrokers: readonly string[]
  /** SASL, with rights by ACL. Users: `reader` (PLAIN) and `scrammer` (SCRAM-SHA-512); password `secret`. */
  readonly securedBrokers: readonly string[]
  /** The proxy in front of `brokers`. */
  readonly proxy: TcpProxy
  /** Process id, which changes with each start. */
  readonly pid: number
  /** Ends the process and keeps its data for `startAgain`. SIGTERM is a clean shutdown. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts it on the same data and ports unless it runs; resolves once it answers. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

export async function startBroker(jars: string): Promise<OwnBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'group-traits-kafka-'))
  const [directPort = 0, plainPort = 0, securedPort = 0, controllerPort = 0] = await findFreePorts([
    0, 0, 0, 0,
  ])
  const proxy = await startProxy(plainPort)
  const config = join(folder, 'server.properties')
  const ports = { directPort, plainPort, securedPort, controllerPort, advertisedPort: proxy.port }
  await writeFile(config, propertiesOf(folder, ports))
  const scram = 'SCRAM-SHA-512=[name=scrammer,password=secret]'
  const id = 'MkU3OEVBNTcwNTJENDM2Qk'
  const format = ['kafka.tools.StorageTool', 'format', '-t', id, '-c', config, '--add-scram', scram]
  await promisify(execFile)('java', [...JAVA, '-cp', jars, ...format])
  const directBrokers = [`127.0.0.1:${directPort}`]
  const run = async () => {
    const server = await startChildServer({
      name: 'Kafka',
      command: 'java',
      args: [...JAVA, '-cp', jars, 'kafka.Kafka', config],
      cwd: folder,
      logFile: join(folder, 'kafka.log'),
      readyLine: '', // Kafka logs no such line, so wait until it answers
    })
    await until('the broker answers', () => answers(directBrokers), 40_000)
    return server
  }
  let server = await run()
  let isUp = true
  const end = async (signal: NodeJS.Signals) => {
    if (isUp) process.kill(server.pid, signal)
    isUp = false
    await server.ended
  }
  return {
    brokers: [`127.0.0.1:${proxy.port}`],
    directBrokers,
    securedBrokers: [`127.0.0.1:${securedPort}`],
    proxy,
    get pid() {
      return server.pid
    },
    end,
    async startAgain() {
      if (isUp) return
      server = await run()
      isUp = true
    },
    async stop() {
      await end('SIGKILL')
      await proxy.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function answers(brokers: readonly string[]): Promise<boolean> {
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const admin = client.admin()
  await admin.connect()
  try {
    return Boolean(await admin.listTopics())
  } finally {
    await admin.disconnect()
  }
}

const JAVA = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

interface Ports {
  readonly directPort: number
  readonly plainPort: number
  readonly securedPort: number
  readonly controllerPort: number
  readonly advertisedPort: number
}

function propertiesOf(folder: string, ports: Ports): string {
  const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const scramLogin = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  const { directPort, plainPort, securedPort, controllerPort, advertisedPort } = ports
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${plainPort},DIRECT://127.0.0.1:${directPort},SECURED://127.0.0.1:${securedPort},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${advertisedPort},DIRECT://127.0.0.1:${directPort},SECURED://127.0.0.1:${securedPort}
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DIRECT:PLAINTEXT,SECURED:SASL_PLAINTEXT
listener.name.secured.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secured.plain.sasl.jaas.config=${plainLogin} required user_reader="secret";
listener.name.secured.scram-sha-512.sasl.jaas.config=${scramLogin} required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
log.dirs=${folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# a killed broker counts as alive for this long, and its next start waits for that
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
`
}
