/** Kafka and Redis in containers, started with testcontainers. */

import { setTimeout as sleep } from 'node:timers/promises'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'

export interface Containers {
  /** Addresses as host:port. */
  readonly kafkaBrokers: string[]
  readonly redisUrl: string
  stop(): Promise<void>
}

/** Resolves once both are up. If one fails to start, the other is stopped. */
export async function startContainers(): Promise<Containers> {
  const started: StartedTestContainer[] = []
  const stop = async () => {
    await Promise.all(started.map((container) => container.stop()))
  }
  try {
    const redis = await startRedis()
    started.push(redis)
    const kafka = await createKafka()
    started.push(kafka)
    const broker = addressOf(kafka, 9092)
    await runKafka(kafka, broker)
    return { kafkaBrokers: [broker], redisUrl: `redis://${addressOf(redis, 6379)}`, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function startRedis(): Promise<StartedTestContainer> {
  return new GenericContainer('redis:8.2-alpine')
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start()
}

/**
 * Kafka advertises its address to clients, and the port is known only once the container runs.
 * So the container waits for a start script, which `runKafka` writes.
 */
function createKafka(): Promise<StartedTestContainer> {
  return new GenericContainer('apache/kafka:4.3.0')
    .withExposedPorts(9092)
    .withEnvironment(kafkaSettings)
    .withEntrypoint(['bash', '-c'])
    .withCommand([
      `echo waiting for ${script}; until [ -e ${script} ]; do sleep 0.1; done; exec bash ${script}`,
    ])
    .withWaitStrategy(Wait.forLogMessage(`waiting for ${script}`))
    .start()
}

const script = '/tmp/start-kafka.sh'
const startTimeoutMs = 60_000

async function runKafka(kafka: StartedTestContainer, broker: string): Promise<void> {
  const listeners = `PLAINTEXT://${broker},INTERNAL://localhost:19092`
  const content = `KAFKA_ADVERTISED_LISTENERS=${listeners} exec /etc/kafka/docker/run\n`
  let output = ''
  const log = await kafka.logs()
  log.on('data', (text) => {
    output += text
  })
  await kafka.copyContentToContainer([{ content, target: script }])
  const deadline = performance.now() + startTimeoutMs
  // polls, because the log stream alone does not keep the process alive
  while (!output.includes('Kafka Server started')) {
    if (performance.now() > deadline)
      throw new Error(`Kafka did not start:\n${output.slice(-2000)}`)
    await sleep(50)
  }
}

/** Complete, because the image drops all of its defaults once one setting is given. */
const kafkaSettings = {
  CLUSTER_ID: 'group-traits-test-runA',
  KAFKA_NODE_ID: '1',
  KAFKA_PROCESS_ROLES: 'broker,controller',
  KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
  KAFKA_LISTENERS: 'PLAINTEXT://:9092,INTERNAL://:19092,CONTROLLER://:9093',
  KAFKA_LISTENER_SECURITY_PROTOCOL_MAP:
    'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT',
  KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
  KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
  KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
  KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
  KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
  KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
  KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
  KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '4',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
}

function addressOf(container: StartedTestContainer, port: number): string {
  return `${container.getHost()}:${container.getMappedPort(port)}`
}
