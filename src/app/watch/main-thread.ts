/**
 * The main thread, as seen from another one: where it is stuck, and how to end it there.
 *
 * A signal would do, but that the first process of a container cannot send itself one: Linux
 * drops it, SIGKILL too. The debugger gets through to a thread that runs JavaScript, be it an
 * endless loop or a regular expression, and has it call `process.exit` itself.
 */
import { type Debugger, Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface PausedThread {
  /** Where it is, innermost first: `decode (file:///…/decode.ts:12:3)`. */
  readonly stack: readonly string[]
  /** Ends the process. */
  exit(code: number): void
}

/**
 * To be called from another thread; the main thread does not go on.
 *
 * @returns undefined where it does not answer: it runs no JavaScript, but waits for the system
 */
export async function pauseMainThread(deadlineMs: number): Promise<PausedThread | undefined> {
  const session = new Session()
  session.connectToMainThread()
  const urls = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
  const { promise: paused, resolve } = Promise.withResolvers<Debugger.CallFrame[]>()
  session.once('Debugger.paused', ({ params }) => resolve(params.callFrames))
  const asking = Promise.all([session.post('Debugger.enable'), session.post('Debugger.pause')])
  const frames = await Promise.race([
    asking.then(() => paused),
    sleep(deadlineMs, undefined, { ref: false }),
  ])
  const [innermost] = frames ?? []
  if (frames === undefined || innermost === undefined) return undefined
  return {
    stack: frames.map((frame) => describeFrame(frame, urls)),
    exit: (code) => {
      const { callFrameId } = innermost
      const expression = `process.exit(${code})`
      const asking = session.post('Debugger.evaluateOnCallFrame', { callFrameId, expression })
      asking.catch(() => {}) // of a process that has ended, no answer comes
    },
  }
}

function describeFrame(
  { functionName, location }: Debugger.CallFrame,
  urls: ReadonlyMap<string, string>,
): string {
  const { scriptId, lineNumber, columnNumber = 0 } = location
  return `${functionName || '(anonymous)'} (${urls.get(scriptId)}:${lineNumber + 1}:${columnNumber + 1})`
}
