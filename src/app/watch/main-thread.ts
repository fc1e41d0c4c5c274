/**
 * Pauses the main thread from another thread, to find out where it is stuck and to end it there.
 *
 * A signal is not enough: the first process of a container (PID 1) cannot signal itself. Linux
 * drops the signal, even SIGKILL. The debugger can interrupt a thread that runs JavaScript, even in
 * an endless loop or in a regular expression, and make it call `process.exit`. It cannot interrupt
 * native code: there, only a signal from outside ends PID 1 (see event-loop-watcher-thread.ts).
 */
import { type Debugger, Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface PausedThread {
  /** The call frames, innermost first: `decode (file:///…/decode.ts:12:3)`. */
  readonly stack: readonly string[]
  /** Ends the process. It may fail without an error, so set a timer, too. */
  exit(code: number): void
}

/**
 * Pauses the main thread for good. Call it from another thread.
 *
 * @returns undefined if the main thread does not pause in time: it is in native code or a system
 *   call, not in JavaScript. The request remains, so it pauses once it is back in JavaScript.
 */
export async function pauseMainThread(timeoutMs: number): Promise<PausedThread | undefined> {
  const session = new Session()
  session.connectToMainThread()
  const urls = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
  const { promise: paused, resolve } = Promise.withResolvers<Debugger.CallFrame[]>()
  session.once('Debugger.paused', ({ params }) => resolve(params.callFrames))
  const request = Promise.all([session.post('Debugger.enable'), session.post('Debugger.pause')])
  const frames = await Promise.race([
    request.then(() => paused),
    sleep(timeoutMs, undefined, { ref: false }),
  ])
  const [innermost] = frames ?? []
  if (frames === undefined || innermost === undefined) return undefined
  return {
    stack: frames.map((frame) => describeFrame(frame, urls)),
    exit: (code) => {
      const { callFrameId } = innermost
      const expression = `process.exit(${code})`
      const evaluation = session.post('Debugger.evaluateOnCallFrame', { callFrameId, expression })
      evaluation.catch(() => {}) // the process ends, so there is no answer
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
