import { SingleBar } from 'cli-progress'
import type { Step } from '../../app/verify/verification.ts'
import type { OutStream } from './stream.ts'

export interface StepDisplay {
  show(step: Step): void
  stop(): void
}

/** Shows the steps: on a terminal as one line that is updated, elsewhere as a line for each stage. */
export function showSteps(stream: OutStream): StepDisplay {
  let stage = ''
  let startedMs = 0
  const line = stream.isTTY === true ? changingLine(stream) : undefined
  return {
    show(step) {
      const next = stageOf(step)
      if (next !== stage) {
        stage = next
        startedMs = performance.now()
        if (line === undefined) stream.write(`${stage}\n`)
      }
      line?.update(0, { text: `${stage}: ${detailOf(step, performance.now() - startedMs)}` })
    },
    stop: () => line?.stop(),
  }
}

function changingLine(stream: OutStream): SingleBar {
  const line = new SingleBar({ stream, format: '{text}', clearOnComplete: true, linewrap: true })
  line.start(1, 0, { text: '' })
  return line
}

function stageOf(step: Step): string {
  switch (step.kind) {
    case 'beginning':
      return 'reading the offsets of the topic and of the workers'
    case 'waiting':
      return 'waiting for the workers to catch up'
    case 'reading': {
      const share = Math.round(step.share * 100)
      return `pass ${step.pass}${share === 0 ? '' : ` (${share} % done)`}: reading the topic`
    }
    case 'comparing':
      return `pass ${step.pass}: comparing with Redis`
    case 'rechecking':
      return 'checking the differences a second time'
    case 'index':
      return 'checking the user index'
    default:
      return step satisfies never
  }
}

function detailOf(step: Step, elapsedMs: number): string {
  const rate = (count: number) => Math.round((count * 1000) / Math.max(elapsedMs, 1))
  switch (step.kind) {
    case 'beginning':
      return 'asking Kafka and Redis'
    case 'waiting':
      return `${step.lag} records to go`
    case 'reading':
      return `${step.records} of ${step.total} records, ${rate(step.records)}/s`
    case 'comparing':
      return `${step.groups} of ${step.total} groups, ${rate(step.groups)}/s`
    case 'rechecking':
      return `${step.groups} groups`
    case 'index':
      return `${step.entries} entries, ${rate(step.entries)}/s`
    default:
      return step satisfies never
  }
}
