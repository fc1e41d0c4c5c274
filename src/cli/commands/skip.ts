import { type Command, InvalidArgumentError } from 'commander'
import type { Config } from '../../app/config/config.ts'
import { createDeadLetterTopic } from '../../kafka/producer/dead-letter-topic.ts'
import { type Skipped, skipRecord } from '../../kafka/topics/skip.ts'
import { ensureDeadLetterTopic } from '../../kafka/topics/topics.ts'
import { type Cli, DONE, type ExitCode, FAILED } from '../cli.ts'
import { confirm } from '../confirm.ts'
import { addHelp } from '../help.ts'
import { addTimeout, retryWhileAway } from '../retry-while-away.ts'
import { nameOfKafka, quietLog } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addSkipCommand(program: Command, cli: Cli): void {
  const command = program
    .command('skip')
    .summary('skip a record that stops its partition')
    .description(
      'Writes the record that stops a partition to the dead-letter topic, with the reason ' +
        '"skipped", and commits the next offset, so that the workers continue after it. The log ' +
        'and /readyz of the worker name the partition and the offset. Only the record at the ' +
        'committed offset of the consumer group can be skipped. Workers may keep running.',
    )
    .argument('<partition>', 'partition of the topic', wholeNumber)
    .argument('<offset>', 'offset of the record', wholeNumber)
  const load = addSettings(command, cli, ['kafka'])
  command.option('--yes', 'do not ask for confirmation (it is asked for on a terminal only)')
  addTimeout(command, 60)
  addHelp(command, {
    examples: [['skip 3 1234567', 'skip the record at offset 1234567 of partition 3']],
    exitCodes: {
      0: 'skipped',
      1: 'not confirmed, not the record that stops the partition, or Kafka is away',
    },
  })

  command.action(
    cli.run((partition: bigint, offset: bigint, options: Options) =>
      skip(cli, load().config, partition, offset, options),
    ),
  )
}

async function skip(
  cli: Cli,
  config: Config,
  partition: bigint,
  offset: bigint,
  options: Options,
): Promise<ExitCode> {
  const { topic, groupId } = config.kafka
  const record = `offset ${offset} of partition ${partition} of topic ${topic}`
  if (!options.yes && !(await confirm(cli, `Skip ${record} for group ${groupId}?`))) {
    cli.stderr.write('nothing was skipped\n')
    return FAILED
  }
  const skipped = await writeAndCommit(cli, config, options.timeout, Number(partition), offset)
  cli.stdout.write(`${summary(skipped, config)}\n`)
  return DONE
}

interface Options {
  readonly yes?: true
  /** Seconds. */
  readonly timeout: number
}

function wholeNumber(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

async function writeAndCommit(
  cli: Cli,
  config: Config,
  timeout: number,
  partition: number,
  offset: bigint,
): Promise<Skipped> {
  const settings = config.kafka
  const log = quietLog(cli, config)
  const deadLetterTopic = createDeadLetterTopic(settings, log)
  try {
    return await retryWhileAway(timeout, nameOfKafka(config), async () => {
      await ensureDeadLetterTopic(settings, log)
      return await skipRecord({ settings, log, deadLetterTopic, partition, offset })
    })
  } finally {
    await deadLetterTopic.close()
  }
}

function summary({ partition, offset, nextOffset, wasReadable }: Skipped, { kafka }: Config) {
  const written = wasReadable ? 'the record' : 'its partition and offset (it is unreadable)'
  return (
    `Skipped offset ${offset} of partition ${partition}: wrote ${written} to topic ` +
    `${kafka.deadLetterTopic}. Group ${kafka.groupId} continues at offset ${nextOffset}.`
  )
}
