import { SingleBar } from 'cli-progress'
import type { RebuildProgress } from '../../app/rebuild/rebuild.ts'
import { counted } from './counted.ts'
import type { OutStream } from './stream.ts'

const STEPS = {
  clearing: 'deleting the temporary keys of a rebuild',
  paused: 'the workers are paused: reading the latest records',
  placing: 'replacing the groups with the rebuilt ones',
  repairing: 'repairing the user index while the workers run',
}

/** Prints each step on a line, and on a terminal a bar that shows how much of the topic is read. */
export function startRebuildProgress(
  stream: OutStream,
  isQuiet: boolean,
): { show(progress: RebuildProgress): void; stop(): void } {
  let bar: SingleBar | undefined
  const stop = () => {
    bar?.stop()
    bar = undefined
  }
  const say = (text: string) => {
    stop()
    if (!isQuiet) stream.write(`${text}\n`)
  }
  return {
    stop,
    show(progress) {
      switch (progress.kind) {
        case 'reading':
          say(`reading the topic: ${counted(progress.records, 'record')}`)
          if (stream.isTTY === true && !isQuiet) bar = startBar(stream, progress.records)
          return
        case 'read':
          bar?.increment(progress.records)
          return
        default:
          say(STEPS[progress.kind])
      }
    },
  }
}

function startBar(stream: OutStream, records: number): SingleBar {
  const format = '{bar} {percentage}%  {value} records, {eta_formatted} left'
  const bar = new SingleBar({ stream, format, clearOnComplete: true, barsize: 30 })
  bar.start(records, 0)
  return bar
}
