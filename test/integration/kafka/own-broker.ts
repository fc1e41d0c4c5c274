/** A Kafka of one test file's own: to be cut off, and to refuse rights. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findFreePorts } from '../../../src/local/free-ports.ts'
import { until } from '../../setup/waiting.ts'
import { openWay, type Way } from '../../setup/way.ts'
import { withAdmin } from './fixture.ts'

export interface OwnBroker {
  /** Plain, and allowed everything. */
  readonly brokers: readonly string[]
  /** SASL, with rights by ACL: `reader` (PLAIN) and `scrammer` (SCRAM-SHA-512), both `secret`. */
  readonly securedBrokers: readonly string[]
  /** The way to it: cut it off, and let it be reached again. */
  readonly way: Way
  stop(): Promise<void>
}

export async function startBroker(jars: string): Promise<OwnBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'group-traits-kafka-'))
  const [plainPort = 0, securedPort = 0, controllerPort = 0] = await findFreePorts([0, 0, 0])
  const way = await openWay(plainPort)
  const config = join(folder, 'server.properties')
  const ports = { plainPort, securedPort, controllerPort, advertisedPort: way.port }
  await writeFile(config, propertiesOf(folder, ports))
  const scram = 'SCRAM-SHA-512=[name=scrammer,password=secret]'
  const id = 'MkU3OEVBNTcwNTJENDM2Qk'
  const format = ['kafka.tools.StorageTool', 'format', '-t', id, '-c', config, '--add-scram', scram]
  await promisify(execFile)('java', [...JAVA, '-cp', jars, ...format])
  const child = spawn('java', [...JAVA, '-cp', jars, 'kafka.Kafka', config], { stdio: 'ignore' })
  const brokers = [`127.0.0.1:${way.port}`]
  await until(
    'the broker answers',
    () => withAdmin({ brokers }, (admin) => admin.listTopics()),
    40_000,
  )
  return {
    brokers,
    securedBrokers: [`127.0.0.1:${securedPort}`],
    way,
    stop: async () => {
      await end(child)
      await way.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const JAVA = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

interface Ports {
  readonly plainPort: number
  readonly securedPort: number
  readonly controllerPort: number
  readonly advertisedPort: number
}

function propertiesOf(folder: string, ports: Ports): string {
  const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const scramLogin = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  const { plainPort, securedPort, controllerPort, advertisedPort } = ports
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${plainPort},SECURED://127.0.0.1:${securedPort},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${advertisedPort},SECURED://127.0.0.1:${securedPort}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_PLAINTEXT
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
auto.create.topics.enable=false
`
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
