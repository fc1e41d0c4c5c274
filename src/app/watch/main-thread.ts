/**
 * Pauses the main thread from another thread, to find out where it is stuck and to end it there.
 *
 * A signal is not enough: the first process of a container (PID 1) cannot signal itself. Linux
 * drops the signal, even SIGKILL. The debugger can interrupt a thread that runs JavaScript, also an
 * endless loop or a regular expression, and make it call `process.exit`.
 */
import { type Debugger, Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface PausedThread {
  /** The call frames, innermost first: `decode (file:///…/decode.ts:12:3)`. */
  readonly stack: readonly string[]
  /** Ends the process. */
  exit(code: number): void
}

/**
 * Pauses the main thread for good. Call it from another thread.
 *
 * @returns undefined if the main thread does not answer: it is in a system call, not in JavaScript
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
      asking.catch(() => {}) // the process ends, so there is no answer
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
