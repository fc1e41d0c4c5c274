import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { commandGroups } from '../../../src/cli/commands/commands.ts'
import { startProgress } from '../../../src/cli/output/progress.ts'
import { main } from '../../../src/cli/program.ts'

const terminal = () => Object.assign(new PassThrough(), { isTTY: true, columns: 100 })

describe('on a terminal', () => {
  test.each([
    [['erase', 'acme'], 'Erase group acme as of 20'],
    [['skip', '0', '7'], 'Skip offset 7 of partition 0 of topic groups for group group-traits?'],
  ])('%j asks for confirmation, and without a yes nothing is done', async (args, question) => {
    for (const answer of ['n\n', '\n', 'maybe\n', '']) {
      const { exitCode, stderr } = await answered(args, answer)
      expect(exitCode).toBe(1)
      expect(stderr).toContain(question)
      expect(stderr).toContain('nothing was')
    }
  })

  test('a yes confirms', async () => {
    const { exitCode, stderr } = await answered(['erase', 'acme', '--timeout', '0.2'], 'y\n')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('Kafka at 127.0.0.1:1 (KAFKA_BROKERS) was away')
  })

  test('progress shows the lines and the share of the input, and keeps printed lines', async () => {
    const stream = terminal()
    let shown = ''
    stream.setEncoding('utf8').on('data', (part) => {
      shown += part
    })
    const progress = startProgress(stream, 200)
    progress.read(100)
    progress.done(10)
    progress.say('line 3: bad')
    await vi.waitFor(() => expect(shown).toContain('50%'), 5000)
    progress.say('line 9: bad')
    progress.stop()
    await vi.waitFor(() => expect(shown).toContain('line 9'))
    const plain = stripVTControlCharacters(shown)
    expect(plain).toMatch(/50% {2}10 lines, \d+\/s/)
    expect(plain).toContain('line 3: bad\n')
    expect(plain).toContain('line 9: bad\n')
  })
})

test('without a terminal, progress prints lines only', async () => {
  const stream = new PassThrough()
  const progress = startProgress(stream, 200)
  progress.read(100)
  progress.done(10)
  progress.say('line 3: bad')
  progress.stop()
  stream.end()
  expect(await text(stream)).toBe('line 3: bad\n')
})

async function answered(args: readonly string[], answer: string) {
  const [stdin, stdout, stderr] = [terminal(), terminal(), terminal()]
  const errors = text(stderr)
  stdin.end(answer)
  const exitCode = await main(
    commandGroups,
    args,
    { KAFKA_BROKERS: '127.0.0.1:1' },
    { stdin, stdout, stderr },
  )
  stderr.end()
  return { exitCode, stderr: stripVTControlCharacters(await errors) }
}
